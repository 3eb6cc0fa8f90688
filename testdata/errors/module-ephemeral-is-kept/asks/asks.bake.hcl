variable "token" {
  ephemeral = true
}

check "token" {
  assert {
    condition     = length(var.token) == 1
    error_message = "bad"
  }
}
