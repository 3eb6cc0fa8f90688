# The basic example: an AMI on an AMI. Credentials are those of the instance, or of the environment; no name needs a timestamp,
# because the default one ends in what the content is.

bake {
  project = "examples/amazon-chroot-basic"
}

variable "region" {
  type    = string
  default = "us-east-1"
}

variable "source_ami" {
  type    = string
  default = "ami-e81d5881"
}

provider "aws" {
  region = var.region
}

image "basic" {
  source {
    ami = var.source_ami
  }
}

output "ami" {
  value = image.basic.ids
}
