image "web" {
  scratch {}
  volume "root" {
    size       = "64MiB"
    filesystem = "ext4"
    mount      = "/"
  }
  lifecycle {
    ignore_changes = [descripton, publish.tags, volume.size]
  }
}
