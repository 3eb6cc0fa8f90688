variable "token" {
  sensitive = true
  default   = "hunter2-secret"

  validation {
    condition     = length(var.token) > 100
    error_message = "The token ${var.token} is too short."
  }
}

variable "plain" {
  default = "hunter2-secret"

  validation {
    condition     = length(var.plain) > 100
    error_message = "${sensitive(var.plain)} is too short."
  }
}

output "x" {
  value = 1

  precondition {
    condition     = false
    error_message = "Hidden: ${base64encode(sensitive("hunter2-secret"))}."
  }
}
