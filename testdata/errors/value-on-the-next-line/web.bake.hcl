locals {
  motd =
    "hello"
}
