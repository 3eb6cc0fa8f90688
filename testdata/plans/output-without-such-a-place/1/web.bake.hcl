bake {
  project = "acme/images"
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

  bootstrap "tar" {
    path = "root.tar"
  }

  provision "file" "unit" {
    content     = "[Service]\n"
    destination = "/etc/systemd/system/web.service"
  }
  provision "shell" "nginx" {
    script  = "scripts/nginx.sh"
    env     = { VERSION = "1.22" }
    timeout = "10m"
  }
}

output "web" {
  value = image.web.ids
}

output "fixed" {
  value = "the same"
}
