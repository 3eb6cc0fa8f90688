locals {
  a = ["x")
}
