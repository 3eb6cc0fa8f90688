image {
  scratch {}
}
