image "base" {
  scratch {}
  volume "root" {
    size       = "64MiB"
    filesystem = "ext4"
    mount      = "/"
  }
  architecture = "x86_64"
}

image "web" {
  source {
    image = image.base
  }
  architecture = "aarch64"
}
