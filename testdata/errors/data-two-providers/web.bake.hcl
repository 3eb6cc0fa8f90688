bake {
  project = "x"
}

provider "local" {}

provider "local" {
  alias = "other"
  store = "other"
}

data "image" "base" {
  address = "image.base"
}
