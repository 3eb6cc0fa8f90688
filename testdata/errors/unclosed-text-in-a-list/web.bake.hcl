locals {
  packages = ["nginx, "curl"]
}
