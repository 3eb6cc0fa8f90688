bake {
  required_version = ">= 99"
}
provider "local" {
  store = "./store"
}
