locals {
  a = upper(1, 2)
  b = local.a
}

image "web" {
  scratch {}
  volume "root" {
    size       = "64MiB"
    filesystem = "ext4"
    mount      = "/"
  }
  provision "shell" "one" {
    inline = [local.a, local.b]
  }
}
