provider "local" {}

provider "local" {
  store = "./other"
}
image "web" {
  scratch {}
  volume "root" {
    size       = "64MiB"
    filesystem = "ext4"
    mount      = "/"
  }
}
