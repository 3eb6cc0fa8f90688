image "web" {
  scratch {}
  volume "root" {
    size       = "64MiB"
    filesystem = "ext4"
    mount      = "/"
  }
  publish {
    tags = { app = image.app.id }
  }
}

image "app" {
  source {
    image = image.web
  }
}
