variable "label" {
  type      = string
  sensitive = true
  default   = "hunter2"
}

image "web" {
  scratch {}
  volume "root" {
    size       = "64MiB"
    filesystem = "ext4"
    label      = var.label
    mount      = "/"
  }
}
