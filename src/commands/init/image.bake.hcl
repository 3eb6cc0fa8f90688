# A Debian image from nothing: GPT, GRUB for BIOS and UEFI, one step of your own.

bake {
  project = "example/images"
}

variable "release" {
  type        = string
  default     = "bookworm"
  description = "Debian suite"
}

image "base" {
  scratch {}

  volume "root" {
    size            = "2GiB"
    partition_table = "gpt"

    partition "bios" {
      type = "bios-boot"
      size = "1MiB"
    }
    partition "esp" {
      type       = "esp"
      size       = "64MiB"
      filesystem = "vfat"
      mount      = "/boot/efi"
    }
    partition "root" {
      type       = "linux-root"
      size       = "100%"
      filesystem = "ext4"
      mount      = "/"
    }
  }

  bootstrap "debian" {
    suite    = var.release
    packages = ["systemd-sysv", "linux-image-cloud-amd64", "openssh-server"]
  }

  boot_loader "grub" {
    targets = ["bios", "uefi"]
    serial  = true
  }

  provision "shell" "harden" {
    inline = ["passwd -l root", "systemctl enable ssh"]
    env    = { DEBIAN_FRONTEND = "noninteractive" }
  }
}

output "images" {
  value = image.base.ids
}
