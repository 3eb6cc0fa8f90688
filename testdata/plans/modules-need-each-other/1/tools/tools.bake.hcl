variable "base" {}

image "agent" {
  source {
    image = var.base
  }
}

output "agent" {
  value = image.agent
}
