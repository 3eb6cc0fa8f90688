data "htpp" "key" {
  url = "https://example.com/key"
}
