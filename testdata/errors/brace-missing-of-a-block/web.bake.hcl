image "web"
  scratch {}
}
