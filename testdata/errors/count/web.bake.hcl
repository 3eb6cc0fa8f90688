image "web" {
  count = 2

  scratch {}

  volume "root" {
    size       = "64MiB"
    filesystem = "ext4"
    mount      = "/"
  }
}
