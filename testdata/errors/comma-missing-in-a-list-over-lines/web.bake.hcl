locals {
  packages = [
    "nginx"
    "curl",
  ]
}
