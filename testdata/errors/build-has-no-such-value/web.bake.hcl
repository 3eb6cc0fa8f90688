image "web" {
  scratch {}
  volume "root" {
    size       = "64MiB"
    filesystem = "ext4"
    mount      = "/"
  }
  hook "after_mount" {
    inline = ["ls ${build.mount_pth}"]
  }
}
