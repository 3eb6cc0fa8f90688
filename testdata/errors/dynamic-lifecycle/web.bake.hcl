image "web" {
  scratch {}
  volume "root" {
    size       = "64MiB"
    filesystem = "ext4"
    mount      = "/"
  }

  dynamic "lifecycle" {
    for_each = [1]
    content {
      keep_releases = 3
    }
  }
}
