# What each gives to the other needs what it gets from it.
module "a" {
  source = "./a"
  x      = module.b.text
  free   = module.b.free
}

module "b" {
  source = "./b"
  y      = local.of_a
  free   = module.a.free
}

locals {
  of_a = module.a.text
}
