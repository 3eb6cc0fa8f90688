output "key" {
  value = "a"
}
