variable "y" {}

variable "free" {}

output "text" {
  value = "b ${var.y}"
}

output "free" {
  value = "b"
}

output "both" {
  value = "${var.free} ${var.y}"
}
