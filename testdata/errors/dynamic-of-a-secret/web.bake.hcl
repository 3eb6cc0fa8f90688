variable "steps" {
  type      = map(string)
  default   = { a = "true" }
  sensitive = true
}

image "web" {
  scratch {}
  volume "root" {
    size       = "64MiB"
    filesystem = "ext4"
    mount      = "/"
  }

  dynamic "provision" {
    for_each = var.steps
    labels   = ["shell", provision.key]
    content {
      inline = [provision.value]
    }
  }
}
