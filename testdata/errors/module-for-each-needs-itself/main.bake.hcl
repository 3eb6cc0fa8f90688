module "a" {
  source   = "./a"
  for_each = toset(values(module.a)[*].key)
}
