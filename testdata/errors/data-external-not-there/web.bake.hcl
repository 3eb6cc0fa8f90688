data "external" "a" {
  program = ["./scripts/none.sh"]
}
