image "web" {
  scratch {}
  volume "root" {
    size       = 64
    filesystem = "ext4"
    mount      = "/"
  }
}
