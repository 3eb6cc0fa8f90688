locals {
  path = /etc/motd
}
