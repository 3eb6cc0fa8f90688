image "web" {
  scratch {}
  volume "root" {
    size            = "1GiB"
    partition_table = "gpt"
    partition "a" {
      size = "900MiB"
      filesystem = "ext4"
      mount = "/"
    }
    partition "b" {
      filesystem = "xfs"
    }
  }
}
