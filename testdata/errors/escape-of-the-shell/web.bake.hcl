locals {
  pattern = "\d+\.\d+"
}
