image "web" {
  scratch {}
  volume "root" {
    size       = "64MiB"
    filesystem = "ext4"
    mount      = "/"
  }

  dynamic "provision" {
    for_each = ["a"]
    iterator = step
    labels   = ["shell", provision.value]
    content {
      inline = [step.vale]
    }
  }
}
