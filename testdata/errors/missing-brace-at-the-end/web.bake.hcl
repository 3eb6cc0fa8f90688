image "web" {
  scratch {}

  volume "root" {
    size = "64MiB"
  }
