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

  provision "file" "site" {
    source      = "site"
    destination = "/srv/www"
  }

  hook "before_snapshot" {
    inline = ["fsck -fn ${build.device}"]
  }
}
