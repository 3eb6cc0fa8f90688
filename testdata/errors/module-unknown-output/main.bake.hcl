module "base" {
  source = "./base"
  size   = "1GiB"
}
output "text" {
  value = module.base.txet
}
output "other" {
  value = module.base.colour
}
