variable "suite" {
  default = "sarge"
}

image "web" {
  scratch {}

  volume "root" {
    size       = "64MiB"
    filesystem = "ext4"
    mount      = "/"
  }

  lifecycle {
    precondition {
      condition     = contains(["bookworm", "trixie"], var.suite)
      error_message = "The suite ${var.suite} is too old."
    }
    precondition {
      condition     = "maybe"
      error_message = "no bool"
    }
  }
}
