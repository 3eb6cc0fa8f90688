variable "names" {
  type      = set(string)
  sensitive = true
  default   = ["a"]
}

image "web" {
  scratch {}
  volume "root" {
    size       = "64MiB"
    filesystem = "ext4"
    mount      = "/"
  }
  for_each = var.names
}
