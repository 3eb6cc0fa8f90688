data "http" {
  url = "https://example.com/key"
}
