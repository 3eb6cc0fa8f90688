resource "aws_instance" "web" {
  ami = "ami-0abc1234"
}
