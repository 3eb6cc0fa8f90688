image "base" {
  scratch {}
  volume "root" {
    size       = "64MiB"
    filesystem = "ext4"
    mount      = "/"
  }
}

image "web" {
  scratch {}
  volume "root" {
    size       = "64MiB"
    filesystem = "ext4"
    mount      = "/"
  }

  dynamic "provision" {
    for_each = split(",", image.base.id)
    labels   = ["shell", provision.value]
    content {
      inline = ["true"]
    }
  }
}
