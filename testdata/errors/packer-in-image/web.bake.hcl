image "web" {
  scratch {}

  volume "root" {
    size       = "64MiB"
    filesystem = "ext4"
    mount      = "/"
  }

  provisioner "shell" {
    inline = ["true"]
  }

  post-processor "manifest" {}
}
