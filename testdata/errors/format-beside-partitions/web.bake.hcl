image "web" {
  scratch {}
  volume "root" {
    size            = "1GiB"
    partition_table = "gpt"
    filesystem = "ext4"
    partition "root" {
      type = "linux-root"
      filesystem = "ext4"
      mount = "/"
    }
  }
}
