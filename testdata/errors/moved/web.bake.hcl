moved {
  from = image.web
  to   = image.app
}

moved {
  from = image.old
  to   = image.nwe
}

moved {
  from = "image.old"
  to   = image.web
}

image "web" {
  scratch {}
  volume "root" {
    size       = "64MiB"
    filesystem = "ext4"
    mount      = "/"
  }
}
