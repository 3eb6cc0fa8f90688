bake {
  project = "acme/images"
}

image "base" {
  architecture = "x86_64"
  name         = "base-${self.digest}"

  scratch {}

  volume "root" {
    size            = "8GiB"
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
    suite    = "bookworm"
    packages = ["systemd-sysv", "linux-image-cloud-amd64"]
  }

  boot_loader "grub" {
    targets = ["bios", "uefi"]
  }

  provision "shell" "harden" {
    inline = ["passwd -l root", "systemctl enable ssh"]
  }
}

image "web" {
  source {
    image = image.base
  }

  hook "after_publish" {
    inline = ["echo done"]
  }

  provision "shell" "nginx" {
    script = "scripts/nginx.sh"
  }

  publish {
    tags = { app = "web" }
  }
}

output "web" {
  value = image.web.ids
}
