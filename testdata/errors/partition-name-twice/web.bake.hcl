image "web" {
  scratch {}
  volume "root" {
    size            = "1GiB"
    partition_table = "gpt"
    partition "a" {
      size = "10MiB"
    }
    partition "a" {
      filesystem = "ext4"
      mount = "/"
    }
  }
}
