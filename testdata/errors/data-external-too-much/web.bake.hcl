data "external" "a" {
  program = ["yes"]
}
