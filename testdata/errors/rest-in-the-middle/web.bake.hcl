image "web" {
  scratch {}
  volume "root" {
    size            = "1GiB"
    partition_table = "gpt"
    partition "a" {
      size = "100%"
      filesystem = "ext4"
      mount = "/"
    }
    partition "b" {
      size = "10MiB"
    }
  }
}
