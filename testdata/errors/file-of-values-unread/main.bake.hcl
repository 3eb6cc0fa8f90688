bake {
  project = "test"
}

variable "size" {
  type = string
}
