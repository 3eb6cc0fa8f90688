image "web" {
  source {
    file = "root.tar"
  }
  root {
    partition = "first"
  }
}
