image "web" {
  scratch {}
  volume "root" {
    size       = "64MB"
    filesystem = "ext4"
    mount      = "/"
  }
}
