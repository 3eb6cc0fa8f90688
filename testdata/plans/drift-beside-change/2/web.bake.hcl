bake {
  project = "acme/images"
}

image "web" {
  description  = "The web server"
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
    env     = { VERSION = "1.24", MORE = "x" }
    timeout = "10m"
  }

  publish {
    tags = { app = "web", team = "platform" }
    deprecate_after = "90d"
  }
}
