locals {
  <!-- a comment -->
  a = 1
}
