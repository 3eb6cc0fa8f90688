variable "suite" {
  default = "sarge"

  validation {
    condition     = contains(local.suites, var.suite)
    error_message = "Choose one of ${join(", ", local.suites)}."
  }
  validation {
    condition     = length(var.suite) > var.least
    error_message = "More than ${var.least} characters are wanted."
  }
}

variable "least" {
  default = 9
}

locals {
  suites = ["bookworm", "trixie"]
}
