data "image" "base" {
  address = "image.base"
  project = "acme"
}
