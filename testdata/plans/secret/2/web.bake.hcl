bake {
  project = "acme/images"
}

variable "token" {
  type      = string
  default   = "hunter2-b"
  sensitive = true
  revision  = 2
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

  provision "shell" "login" {
    inline = ["login"]
    env    = { TOKEN = var.token }
  }
}
