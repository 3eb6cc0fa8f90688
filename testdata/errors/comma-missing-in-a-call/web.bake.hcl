locals {
  all = concat(["a"] ["b"])
}
