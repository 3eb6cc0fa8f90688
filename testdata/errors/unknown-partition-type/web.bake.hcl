image "web" {
  scratch {}
  volume "root" {
    size            = "1GiB"
    partition_table = "gpt"
    partition "root" {
      type = "linux-rot"
      filesystem = "ext4"
      mount = "/"
    }
  }
}
