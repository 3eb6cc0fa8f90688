locals {
  motd = "hello ${local.name"
  name = "web"
}
