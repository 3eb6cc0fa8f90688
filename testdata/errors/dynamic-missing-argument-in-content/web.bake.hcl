image "web" {
  scratch {}
  volume "root" {
    size       = "64MiB"
    filesystem = "ext4"
    mount      = "/"
  }

  dynamic "provision" {
    for_each = { a = 1, b = 2 }
    labels   = ["file", provision.key]
    content {
      content = "x"
    }
  }
}
