module "base" {
  source = "./base"
  size   = "1GiB"
  nmae   = "web"
  colour = "red"
}
