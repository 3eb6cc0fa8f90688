locals {
  motd = <<-EOT
    hello
  name = "web"
}
