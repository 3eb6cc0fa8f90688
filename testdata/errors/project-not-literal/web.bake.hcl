variable "p" {
  default = "x"
}

bake {
  project = var.p
}

image "web" {
  scratch {}
  volume "root" {
    size       = "64MiB"
    filesystem = "ext4"
    mount      = "/"
  }
}
