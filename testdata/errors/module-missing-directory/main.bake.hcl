module "base" {
  source = "./bsae"
}
output "text" {
  value = module.base.text
}
