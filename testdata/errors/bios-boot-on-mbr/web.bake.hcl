image "web" {
  scratch {}
  volume "root" {
    size            = "1GiB"
    partition_table = "mbr"
    partition "bios" {
      type = "bios-boot"
      size = "1MiB"
    }
    partition "root" {
      type = "linux-root"
      filesystem = "ext4"
      mount = "/"
    }
  }
}
