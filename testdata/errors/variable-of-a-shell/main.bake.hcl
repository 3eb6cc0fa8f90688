bake {
  project = "test"
}

locals {
  line = "echo ${HOME}"
  on   = ture
}
