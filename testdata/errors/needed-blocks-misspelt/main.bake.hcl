image "web" {
  scratch {}
  volumme "root" {
    size       = "64MiB"
    filesystem = "ext4"
    mount      = "/"
  }
}

image "db" {
  sorce {
    image = image.web
  }
}
