image "web" {
  source {
    file = "root.tar"
  }
  bootstrap "debian" {
    suite = "bookworm"
  }
}
