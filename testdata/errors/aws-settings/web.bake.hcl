bake {
  project = "acme/images"
}
provider "aws" {
  default_tags = {
    "aws:team" = "platform"
  }
  endpoints {
    ec2 = "localhost:4000"
  }
}
image "web" {
  source {
    ami = "ami-0abc"
  }
}
