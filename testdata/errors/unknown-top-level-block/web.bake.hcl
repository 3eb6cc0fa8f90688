imge "web" {
  scratch {}
}
