module "base" {
  source = "./base"
  size   = "1GiB"
}
output "text" {
  value = module.bsae.text
}
