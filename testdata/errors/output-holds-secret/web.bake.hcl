variable "token" {
  type      = string
  default   = "s3cret"
  sensitive = true
}

output "header" {
  value = "Bearer ${var.token}"
}

output "meant" {
  value     = var.token
  sensitive = true
}
