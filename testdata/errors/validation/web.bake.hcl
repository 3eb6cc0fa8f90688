variable "release" {
  default = "sid"

  validation {
    condition     = contains(["bookworm", "trixie"], var.release)
    error_message = "release must be bookworm or trixie."
  }
}

image "web" {
  scratch {}
  volume "root" {
    size       = "64MiB"
    filesystem = "ext4"
    mount      = "/"
  }
  provision "shell" "one" {
    inline = ["echo ${var.release}"]
  }
}
