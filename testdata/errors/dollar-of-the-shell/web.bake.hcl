image "web" {
  scratch {}

  volume "root" {
    size       = "64MiB"
    filesystem = "ext4"
    mount      = "/"
  }

  provision "shell" "a" {
    inline = ["for f in *; do echo ${f}; done", "echo ${HOME:-/root}"]
  }
}
