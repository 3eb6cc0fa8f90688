variable "token" {
  ephemeral = true
  default   = "t"
}

module "good" {
  source = "./asks"
  token  = var.token
}

module "base" {
  source = "./base"
  token  = var.token
}
