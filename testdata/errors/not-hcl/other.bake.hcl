output "x" {
  value = image.web.id
}

output "y" {
  valu = 1
}
