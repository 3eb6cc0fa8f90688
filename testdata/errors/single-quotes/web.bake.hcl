image 'web' {
  scratch {}
}
