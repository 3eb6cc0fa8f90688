# Debian from nothing: GPT with a BIOS boot partition and an ESP, systemd, the cloud kernel, GRUB. Boots under BIOS and UEFI.

bake {
  project = "examples/debian"
}

variable "release" {
  type        = string
  default     = "bookworm"
  description = "Debian suite"

  validation {
    condition     = contains(["bookworm", "trixie"], var.release)
    error_message = "release must be bookworm or trixie."
  }
}

image "debian" {
  scratch {}
  reproducible = true

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
      options    = ["noatime"]
    }
  }

  bootstrap "debian" {
    suite    = var.release
    variant  = "minbase"
    packages = ["systemd-sysv", "linux-image-cloud-amd64"]
    hostname = "debian"
  }

  boot_loader "grub" {
    targets = ["bios", "uefi"]
    serial  = true
  }

  provision "shell" "harden" {
    script = "scripts/harden.sh"
    env    = { DEBIAN_FRONTEND = "noninteractive" }
  }

  provision "file" "motd" {
    content     = "Debian ${var.release}, built by bake.\n"
    destination = "/etc/motd"
  }
}

output "image" {
  value = image.debian.ids
}
