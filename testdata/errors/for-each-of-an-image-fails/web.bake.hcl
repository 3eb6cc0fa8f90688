# One of three has a size that is none; all of them lack a file system.
image "web" {
  for_each = { a = "64MiB", b = "huge", c = "1GiB" }
  scratch {}

  volume "root" {
    size       = each.value
    filesystem = "ext5"
    mount      = "/"
  }
}
