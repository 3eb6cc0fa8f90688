module "base" {
  source = "./base"
  size   = "1GiB"
  name   = local.name
}
locals {
  name = module.base.text
}
