variable "token" {
  sensitive = true
  default   = "s3cret"
}
output "plain" {
  value = var.token
}
output "marked" {
  value     = "x"
  sensitive = true
}
