module "base" {
  source = "./base"
  size   = "1GiB"
}
module "base" {
  source = "./base"
  size   = "2GiB"
}
