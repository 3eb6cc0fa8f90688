image "base" {
  source {
    image = image.web
  }
}
