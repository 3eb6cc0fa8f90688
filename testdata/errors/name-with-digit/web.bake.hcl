locals {
  7zip = "x"
}
