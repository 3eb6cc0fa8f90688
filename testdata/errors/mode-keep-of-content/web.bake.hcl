image "web" {
  scratch {}
  volume "root" {
    size       = "64MiB"
    filesystem = "ext4"
    mount      = "/"
  }
  provision "file" "motd" {
    content     = "hello"
    destination = "/etc/motd"
    mode        = "keep"
  }
}
