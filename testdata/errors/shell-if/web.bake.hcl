#!/usr/bin/env bake
if true {
  image "web" {}
}
