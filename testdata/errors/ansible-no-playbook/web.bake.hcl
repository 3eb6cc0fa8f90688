image "web" {
  scratch {}
  volume "root" {
    size       = "64MiB"
    filesystem = "ext4"
    mount      = "/"
  }
  provision "ansible" "one" {
    directory = "ansible"
    playbook  = "web.yml"
  }
}
