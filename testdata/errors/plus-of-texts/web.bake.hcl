locals {
  a = "x" + "y"
}
