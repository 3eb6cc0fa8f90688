data "external" "a" {
  program = ["sleep", "60"]
  timeout = "1s"
}
