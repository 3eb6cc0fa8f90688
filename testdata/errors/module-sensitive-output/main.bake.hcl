module "base" {
  source = "./base"
}
output "text" {
  value = module.base.marked
}
