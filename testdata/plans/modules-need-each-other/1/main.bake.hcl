bake {
  project = "acme/images"
}

# Each builds on an image of the other; no image needs itself.
module "bases" {
  source = "./bases"
  agent  = module.tools.agent
}

module "tools" {
  source = "./tools"
  base   = module.bases.small
}
