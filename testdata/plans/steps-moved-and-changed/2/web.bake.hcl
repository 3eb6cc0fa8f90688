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

  provision "shell" "two" {
    inline = ["echo two"]
  }

  provision "shell" "one" {
    inline = ["echo one"]
  }

  provision "shell" "three" {
    inline = ["echo 3"]
  }
}
