locals {
  motd = hello world
}
