provider "aws" {
  region     = "eu-central-1"
  access_key = "AKIAEXAMPLE"
}
image "web" {
  source {
    ami = "ami-0abc"
  }
}
