image "web" {
  scratch {}
  volume "root" {
    size       = "64MB"
    filesystem = "ext4"
    mount      = "/"
  }
  provision "shell" "one" {
    inline = "true"
  }
  lifecycle {
    keep_releases = 0
  }
}

image "app" {
  source {
    image = image.wbe
  }
  nmae = "x"
}
