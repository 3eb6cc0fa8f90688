image "web" {
  scratch {}
  volume "root" {
    size       = "64MiB"
    filesystem = "ext4"
    label      = "a-label-that-is-long"
    mount      = "/"
  }
}
