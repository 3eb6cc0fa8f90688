module "base" {
  source     = "./base"
  count      = 2
  version    = "1.0"
  providers  = {}
  depends_on = []
  size       = "1GiB"
}
