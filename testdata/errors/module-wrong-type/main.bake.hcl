module "base" {
  source = "./base"
  size   = ["1GiB"]
}
