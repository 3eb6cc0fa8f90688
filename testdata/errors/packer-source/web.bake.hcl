source "amazon-chroot" "web" {
  ami_name   = "web"
  source_ami = "ami-0abc1234"
}

build {
  sources = ["source.amazon-chroot.web"]

  provisioner "shell" {
    inline = ["true"]
  }
}
