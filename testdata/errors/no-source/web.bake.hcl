image "web" {
  volume "root" {
    size       = "64MiB"
    filesystem = "ext4"
    mount      = "/"
  }
}
