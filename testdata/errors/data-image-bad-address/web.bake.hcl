data "image" "base" {
  address = "base"
}
