bake {
  project = "acme/images"
}

image "base" {
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

  provision "shell" "base" {
    inline = ["set -e", "echo base"]
  }
}

image "member" {
  for_each = { alpha = "1", beta = "2" }

  source {
    image = image.base
  }

  provision "shell" "greet" {
    inline = ["echo ${each.value}"]
  }
}

image "db" {
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
