data "external" "a" {
  for_each = toset(["one", "two"])
  program  = ["/bin/echo", "{}"]
}

output "x" {
  value = [data.external.a["tow"].result, data.external.a.result]
}
