bake {
  project = "test"
}

locals {
  ports = {
    web   = 80
    "web" = 81
  }
}
