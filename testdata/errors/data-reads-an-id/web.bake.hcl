image "web" {
  scratch {}
  volume "root" {
    size       = "64MiB"
    filesystem = "ext4"
    mount      = "/"
  }
}

data "external" "a" {
  program = ["a", image.web.id]
}
