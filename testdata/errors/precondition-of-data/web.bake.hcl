variable "program" {
  default = ""
}

data "external" "version" {
  program = [var.program]

  lifecycle {
    precondition {
      condition     = var.program != ""
      error_message = "Name a program."
    }
  }
}

output "version" {
  value = data.external.version.result
}
