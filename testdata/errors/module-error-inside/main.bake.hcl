module "base" {
  source   = "./base"
  for_each = toset(["a", "b"])
}
