variable "base" {}
variable "greeting" {}

image "web" {
  source {
    image = var.base
  }
  provision "file" "motd" {
    content     = "${var.greeting}!\n"
    destination = "/etc/motd"
  }
}

output "name" {
  value = image.web.name
}
