image "web" {
  scratch {}
  volume "root" {
    size       = "64MiB"
    filesystem = "ext4"
    mount      = "/"
  }
  bootstrap "tar" {
    path   = "root.tar"
    sha256 = "abc"
  }
}
