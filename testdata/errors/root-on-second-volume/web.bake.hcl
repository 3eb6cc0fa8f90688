image "web" {
  scratch {}
  volume "boot" {
    size       = "64MiB"
    filesystem = "ext4"
    mount      = "/boot"
  }
  volume "root" {
    size       = "64MiB"
    filesystem = "ext4"
    mount      = "/"
  }
}
