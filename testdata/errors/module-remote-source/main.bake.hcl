module "base" {
  source = "git::https://example.com/images.git//base"
}
module "other" {
  source = "acme/base/local"
}
