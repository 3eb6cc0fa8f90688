image "web" {
  scratch {}
  volume "root" {
    size            = "1GiB"
    partition_table = "gpt"
    partition "a" {
      size = "600MiB"
      filesystem = "ext4"
      mount = "/"
    }
    partition "b" {
      size = "600MiB"
    }
  }
}
