# From nothing: 15 GiB of gp2, one partition in an MBR, ext4, and an HVM image whose root device is xvda.

bake {
  project = "examples/amazon-chroot-scratch"
}

variable "region" {
  type    = string
  default = "us-east-1"
}

provider "aws" {
  region = var.region
}

image "scratch" {
  architecture = "x86_64"

  scratch {}

  volume "root" {
    size            = "15GiB"
    type            = "gp2"
    partition_table = "mbr"

    partition "root" {
      type       = "linux"
      size       = "100%"
      filesystem = "ext4"
      mount      = "/"
    }
  }

  # The operating system; see ../../debian for one with a boot loader.
  bootstrap "tar" {
    path = "root.tar"
  }

  provision "shell" "greet" {
    inline = ["echo 'Made from nothing.' > /etc/motd"]
  }

  register {
    virtualization = "hvm"
    root_device    = "xvda"
  }
}

output "ami" {
  value = image.scratch.ids
}
