data "external" "a" {
  program    = ["a"]
  depends_on = [image.web]
}
