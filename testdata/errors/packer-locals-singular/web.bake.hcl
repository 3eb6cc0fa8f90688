local "name" {
  expression = "web"
}
