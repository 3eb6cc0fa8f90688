variable "size" {
  validation {
    condition     = endswith(var.size, "iB")
    error_message = "\"${var.size}\" is no size"
  }
}
image "web" {
  scratch {}
  volume "root" {
    size            = "64MiB"
    partition_table = "none"
    filesystem      = "ext4"
    mount           = "/"
  }
}
