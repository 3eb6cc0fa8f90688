variable "name" {
  default = "web"
}

image "web" {
  name = "{{user `name`}}"

  scratch {}

  volume "root" {
    size       = "64MiB"
    filesystem = "ext4"
    mount      = "/"
  }
}
