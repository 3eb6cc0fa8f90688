image "web" {
  scratch {}
  volume "root" {
    size       = "64MiB"
    filesystem = "ext4"
    mount      = "/"
  }

  dynamic "provision" {
    for_each = null
    labels   = ["shell", "a"]
    content {
      inline = ["true"]
    }
  }
}
