bake {
  project = "acme/images"
}

variable "release" {
  type    = string
  default = "one"
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

  provision "shell" "web" {
    script = "scripts/web.sh"
    env    = { RELEASE = var.release }
  }

  publish {
    tags = { app = "web" }
  }
}
