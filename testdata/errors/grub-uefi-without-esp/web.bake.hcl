image "web" {
  scratch {}
  volume "root" {
    size            = "1GiB"
    partition_table = "gpt"
    partition "esp" {
      type = "esp"
      size = "64MiB"
    }
    partition "root" {
      type = "linux-root"
      filesystem = "ext4"
      mount = "/"
    }
  }
  boot_loader "grub" {
    targets = ["uefi"]
  }
}
