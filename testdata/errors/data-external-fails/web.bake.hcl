data "external" "a" {
  program = ["/bin/sh", "-c", "echo the vault is closed >&2; exit 3"]
}
