variable "size" {
  default = 64MiB
}
