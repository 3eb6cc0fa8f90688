# The smallest image there is: one file system, one program, one step. Builds in about a second, without a network.

bake {
  project = "examples/minimal"
}

image "minimal" {
  scratch {}

  # The same bytes each time: bake images shows what they are.
  reproducible = true

  volume "root" {
    size            = "64MiB"
    partition_table = "none"
    filesystem      = "ext4"
    mount           = "/"
  }

  bootstrap "tar" {
    path = "root.tar"
  }

  provision "shell" "greet" {
    inline = ["echo 'Hello from bake.' > /etc/motd"]
  }
}

output "image" {
  value = image.minimal.ids
}
