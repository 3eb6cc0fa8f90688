module "base" {
  source = "./base.bake.hcl.txt"
}
