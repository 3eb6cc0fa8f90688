image "web" {
  scratch {}
  volume "root" {
    sise       = "64MiB"
    filesystem = "ext4"
    mount      = "/"
  }
}
