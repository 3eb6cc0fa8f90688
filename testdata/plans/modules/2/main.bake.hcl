bake {
  project = "acme/images"
}

module "base" {
  source = "./base"
  size   = "64MiB"
}

module "web" {
  source   = "./web"
  for_each = toset(["eu", "us"])
  base     = module.base.image
  greeting = "hello ${each.key}"
}

moved {
  from = image.tool
  to   = module.base.image.tool
}

output "names" {
  value = { for key, one in module.web : key => one.name }
}
