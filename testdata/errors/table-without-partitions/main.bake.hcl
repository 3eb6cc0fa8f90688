bake {
  project = "test"
}

image "web" {
  scratch {}
  volume "root" {
    size            = "64MiB"
    partition_table = "gpt"
  }
}
