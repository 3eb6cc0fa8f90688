image "web" {
  scratch {}
  volume "root" {
    size       = "64MiB"
    filesystem = "ext4"
    mount      = "/"
  }

  dynamic "provision" {
    for_each = ["a", "b"]
    labels   = ["shell", "same"]
    content {
      inline = [provision.value]
    }
  }
}
