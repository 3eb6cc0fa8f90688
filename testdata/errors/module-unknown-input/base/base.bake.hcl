variable "size" {
  type = string
}
variable "name" {
  type    = string
  default = "base"
}
output "text" {
  value = "${var.name} of ${var.size}"
}
