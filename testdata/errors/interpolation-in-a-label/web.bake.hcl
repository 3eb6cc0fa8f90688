image "${var.name}" {
  scratch {}
}
