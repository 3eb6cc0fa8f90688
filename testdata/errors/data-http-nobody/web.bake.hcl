data "http" "key" {
  url = "http://127.0.0.1:1/key"
}
