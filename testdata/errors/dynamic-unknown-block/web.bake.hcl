image "web" {
  scratch {}
  volume "root" {
    size       = "64MiB"
    filesystem = "ext4"
    mount      = "/"
  }

  dynamic "provison" {
    for_each = ["a"]
    content {}
  }
}
