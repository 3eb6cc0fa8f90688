image "web" {
  scratch {}
  volume "root" {
    filesystem = "ext4"
    mount      = "/"
  }
}
