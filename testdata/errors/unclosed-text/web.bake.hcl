locals {
  motd = "hello
  name = "web"
}
