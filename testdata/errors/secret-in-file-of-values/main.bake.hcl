bake {
  project = "test"
}

variable "token" {
  type      = number
  sensitive = true
}

variable "other" {
  type      = number
  default   = "hunter3"
  sensitive = true
}
