module "again" {
  source = "./deep"
}
