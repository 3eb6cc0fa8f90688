image "web" {
  scratch {}
  volume "root" {
    size       = "64MiB"
    filesystem = "ext4"
    mount      = "/"
  }
  for_each = toset(["arm64", "amd64"])
}

image "app" {
  source {
    image = image.web["arm46"]
  }
}
