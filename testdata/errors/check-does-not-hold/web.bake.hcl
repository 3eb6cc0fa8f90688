variable "region" {
  default = "eu"
}

check "region" {
  assert {
    condition     = var.region == "us"
    error_message = "The region is ${var.region}, not us."
  }
}
