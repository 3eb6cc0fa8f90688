module "base" {
  source   = "./base"
  for_each = { good = "1GiB", bad = "huge", worse = "tiny" }
  size     = each.value
}
