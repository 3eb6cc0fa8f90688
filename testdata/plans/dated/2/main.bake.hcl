bake {
  project = "acme/images"
}

locals {
  packages = ["curl", "nginx"]
  disks    = { data = "64MiB" }
}

image "web" {
  architecture = "x86_64"
  scratch {}
  volume "root" {
    size            = "64MiB"
    partition_table = "none"
    filesystem      = "ext4"
    mount           = "/"
  }
  dynamic "volume" {
    for_each = local.disks
    labels   = [volume.key]
    content {
      size       = volume.value
      filesystem = "ext4"
      mount      = "/${volume.key}"
    }
  }
  dynamic "provision" {
    for_each = local.packages
    labels   = ["shell", provision.value]
    content {
      inline = ["echo install ${provision.value}"]
    }
  }
}
