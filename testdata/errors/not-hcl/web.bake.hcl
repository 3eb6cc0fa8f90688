image "web" {
  scratch {
  }
