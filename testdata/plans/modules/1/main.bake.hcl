bake {
  project = "acme/images"
}

module "base" {
  source = "./base"
  size   = "64MiB"
}

module "web" {
  source   = "./web"
  for_each = toset(["eu"])
  base     = module.base.image
  greeting = "hello ${each.key}"
}


image "tool" {
  architecture = "x86_64"
  scratch {}
  volume "root" {
    size            = "64MiB"
    partition_table = "none"
    filesystem      = "ext4"
    mount           = "/"
  }
}
