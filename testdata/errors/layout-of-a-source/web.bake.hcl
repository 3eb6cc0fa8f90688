image "web" {
  source {
    file = "root.tar"
  }
  volume "root" {
    size       = "64MiB"
    filesystem = "ext4"
    mount      = "/"
  }
}
