locals {
  where = "./base"
}
module "base" {
  source = local.where
  size   = "1GiB"
}
