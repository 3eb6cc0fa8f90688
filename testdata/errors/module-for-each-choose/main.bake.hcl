module "base" {
  source   = "./base"
  for_each = toset(["a", "b"])
  size     = "1GiB"
  name     = each.key
}
output "text" {
  value = module.base.text
}
