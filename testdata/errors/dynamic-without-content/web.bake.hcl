image "web" {
  scratch {}
  volume "root" {
    size       = "64MiB"
    filesystem = "ext4"
    mount      = "/"
  }

  dynamic "hook" {
    for_each = ["a"]
    each     = "x"
  }
}
