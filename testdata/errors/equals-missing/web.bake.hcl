image "web" {
  architecture "x86_64"
  scratch {}
}
