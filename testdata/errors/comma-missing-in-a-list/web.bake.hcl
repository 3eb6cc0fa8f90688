locals {
  packages = ["nginx" "curl"]
}
