variable "agent" {}

image "small" {
  architecture = "x86_64"
  scratch {}
  volume "root" {
    size            = "64MiB"
    partition_table = "none"
    filesystem      = "ext4"
    mount           = "/"
  }
}

image "watched" {
  source {
    image = var.agent
  }
}

output "small" {
  value = image.small
}
