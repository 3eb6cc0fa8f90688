locals {
  a = regex(/a+/, "aaa")
}
