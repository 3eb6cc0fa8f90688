bake {
  project = "test"
}

image "web" {
  scratch {}
  volume "root" {
    size            = "64MiB"
    partition_table = "gpt"
    partition {
      filesystem = "ext4"
      mount      = "/"
    }
    partition {
      filesystem = "ext4"
      mount      = "/srv"
    }
  }
}
