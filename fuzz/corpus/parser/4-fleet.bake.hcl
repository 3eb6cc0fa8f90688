# A fleet: one base, and members built on it side by side, each with a data volume of its own. No network is needed.

bake {
  project = "examples/fleet"
}

variable "members" {
  type        = map(string)
  description = "Name of each member, and the file system of its data volume"
  default     = { alpha = "xfs", beta = "btrfs", gamma = "ext4" }
}

locals {
  greeting = "one of ${length(var.members)}"
}

image "base" {
  scratch {}

  volume "root" {
    size            = "512MiB"
    partition_table = "gpt"

    partition "root" {
      type       = "linux-root"
      size       = "100%"
      filesystem = "xfs"
      mount      = "/"
    }
  }

  bootstrap "tar" {
    path = "../minimal/root.tar"
  }
}

image "member" {
  for_each = var.members

  source {
    image = image.base
  }

  volume "root" {}

  volume "data" {
    size            = "512MiB"
    partition_table = "none"
    filesystem      = each.value
    mount           = "/srv"
  }

  provision "shell" "greet" {
    script = "scripts/greet.sh"
    env    = { NAME = each.key, GREETING = local.greeting }
  }

  publish {
    tags = { member = each.key }
  }

  lifecycle {
    keep_releases = 1
  }
}

output "members" {
  value = { for key, member in image.member : key => member.ids }
}
