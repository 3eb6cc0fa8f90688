data "http" "key" {
  url = "ftp//x y"
}
