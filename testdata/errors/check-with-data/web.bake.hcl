check "site" {
  data "http" "site" {
    url = "https://example.com"
  }

  assert {
    condition     = true
    error_message = "no"
  }
}
