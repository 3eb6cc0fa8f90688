locals {
  motd = 'hello'
}
