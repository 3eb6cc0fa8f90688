/* the module
locals {
  a = 1
}
