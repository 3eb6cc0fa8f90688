image "web" {
  architecture =
  scratch {}
}
