variable "token" {}

output "token" {
  value = var.token
}
