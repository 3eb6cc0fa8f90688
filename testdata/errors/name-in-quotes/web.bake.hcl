locals {
  "name" = "web"
}
