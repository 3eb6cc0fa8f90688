image "web" {
  scratch {}
  volume "root" {
    size       = "64MiB"
    filesystem = "ext4"
    mount      = "/"
  }

  dynamic "provision" {
    for_each = ["a"]
    iterator = "step"
    labels   = ["shell", step.value]
    content {
      inline = ["true"]
    }
  }
}
