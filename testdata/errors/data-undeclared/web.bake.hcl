data "http" "key" {
  url = "https://example.com/key"
}

output "key" {
  value = data.http.kay.body
}
