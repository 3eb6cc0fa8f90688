image "web" {
  scratch {}

  volume "root" {
    size = "64MiB"

  provision "shell" "a" {
    inline = ["true"]
  }
}

output "id" {
  value = image.web.id
}
