module "base" {
  source = "./files"
}
