locals {
  all = 1 +
    2
}
