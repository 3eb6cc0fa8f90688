variable "size" {
  type = string
}

image "base" {
  architecture = "x86_64"
  scratch {}
  volume "root" {
    size            = var.size
    partition_table = "none"
    filesystem      = "ext4"
    mount           = "/"
  }
  bootstrap "tar" {
    path = "root.tar"
  }
}

output "image" {
  value = image.base
}

image "tool" {
  architecture = "x86_64"
  scratch {}
  volume "root" {
    size            = var.size
    partition_table = "none"
    filesystem      = "ext4"
    mount           = "/"
  }
}
