"image" "web" {
}
