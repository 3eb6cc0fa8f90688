data "external" "version" {
  program = ["/bin/echo", "{\"number\": \"1\"}"]

  lifecycle {
    postcondition {
      condition     = self.result.number == "2"
      error_message = "Version 2 is wanted, ${self.result.number} is there."
    }
  }
}
