image "web" {
  source {
    image = "image.base"
  }
}
