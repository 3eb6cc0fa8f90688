image "web" {
  scratch {}
  volume "root" {
    size  = "much"
    mount = "/"
  }
}
locals {
  text = var.nothing
}
