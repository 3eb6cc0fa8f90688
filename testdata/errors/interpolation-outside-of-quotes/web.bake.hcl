variable "size" {
  default = "64MiB"
}

locals {
  size = ${var.size}
}
