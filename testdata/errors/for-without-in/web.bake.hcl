locals {
  a = [for x of [1, 2] : x]
}
