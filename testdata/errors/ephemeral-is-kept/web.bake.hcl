variable "token" {
  ephemeral = true
  default   = "x"
}

locals {
  header = "Bearer ${var.token}"
}

image "web" {
  scratch {}

  volume "root" {
    size       = "64MiB"
    filesystem = "ext4"
    mount      = "/"
  }

  provision "shell" "ask" {
    inline = ["true"]
    env    = { HEADER = local.header }
  }
}

output "token" {
  value     = var.token
  sensitive = true
}
