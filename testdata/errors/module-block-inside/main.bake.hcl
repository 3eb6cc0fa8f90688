module "base" {
  source = "./base"
  size   = "1GiB"
  inputs {
    name = "web"
  }
}
