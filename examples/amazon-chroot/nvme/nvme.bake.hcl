# A source that filters find, on an instance whose EBS volumes are NVMe devices. No device is named: the volume is found by its
# id. ENA support is the source's; it is written here because the manual's example writes it.

bake {
  project = "examples/amazon-chroot-nvme"
}

variable "region" {
  type    = string
  default = "us-east-2"
}

provider "aws" {
  region = var.region
}

data "ami" "amazon_linux" {
  owners      = ["137112412989"]
  most_recent = true

  filters = {
    virtualization-type = ["hvm"]
    name                = ["amzn-ami-hvm-*"]
    root-device-type    = ["ebs"]
  }
}

image "test" {
  source {
    ami = data.ami.amazon_linux.id
  }

  provision "shell" "test" {
    inline = ["echo Test > /tmp/test.txt"]
  }

  register {
    ena = "true"
  }
}

output "ami" {
  value = image.test.ids
}
