module "base" {
  source = "./base"
}

moved {
  from = image.web
  to   = module.base
}
