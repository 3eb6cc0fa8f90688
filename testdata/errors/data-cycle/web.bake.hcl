data "external" "a" {
  program = ["a", local.b]
}

locals {
  b = data.external.b.result.x
}

data "external" "b" {
  program = ["b", data.external.a.result.x]
}
