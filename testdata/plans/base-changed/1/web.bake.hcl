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
