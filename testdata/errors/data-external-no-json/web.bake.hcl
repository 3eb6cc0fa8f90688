data "external" "a" {
  program = ["/bin/sh", "-c", "echo hello"]
}

output "x" {
  value = data.external.a.result.x
}
