image "web" {
  scratch {}
  volume "root" "disk" {
    size       = "64MiB"
    filesystem = "ext4"
    mount      = "/"
  }
}
