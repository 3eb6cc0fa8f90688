image "web" {
  scratch {}
  volume "root" {
    size            = "1GiB"
    partition_table = "mbr"
    partition "a" {
      size = "10MiB"
    }
    partition "b" {
      size = "10MiB"
    }
    partition "c" {
      size = "10MiB"
    }
    partition "d" {
      size = "10MiB"
    }
    partition "root" {
      type = "linux-root"
      filesystem = "ext4"
      mount = "/"
    }
  }
}
