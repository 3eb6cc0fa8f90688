image "web" {
  scratch {}
}
