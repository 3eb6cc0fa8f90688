image "web" {
  source {
    image = image.web
  }
}
