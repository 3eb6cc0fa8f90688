image "web" {
  scratch {}
}
}
