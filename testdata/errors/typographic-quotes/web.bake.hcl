locals {
  motd = “hello”
}
