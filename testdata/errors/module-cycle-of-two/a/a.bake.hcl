variable "x" {}

variable "free" {}

output "text" {
  value = "a ${var.x}"
}

output "free" {
  value = "a"
}

output "both" {
  value = "${var.free} ${var.x}"
}
