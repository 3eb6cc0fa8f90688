variable "names" {
  type = strng
}

variable "more" {
  type = list
}
