module "base" {
  source   = "./base"
  for_each = toset(["arm64", "x86"])
  size     = "1GiB"
}
output "text" {
  value = module.base["amr64"].text
}
