locals {
  tags = { "a" -> "b" }
}
