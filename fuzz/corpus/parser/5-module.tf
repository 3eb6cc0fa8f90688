# The values that the expressions refer to.
locals {
  name   = "web"
  port   = 8080
  on     = true
  none   = null
  secret = sensitive("hunter2")
  list   = ["c", "a", "b"]
  words  = tolist(["x", "y", "z"])
  set    = toset(["b", "a"])
  map    = tomap({ b = "2", a = "1" })
  object = { name = "n", deep = { list = [1, 2, { x = "y" }] } }
  users  = [{ name = "ann", admin = true }, { name = "bob", admin = false }]
  greet  = "hello $${name}%%{ if loud }!%%{ endif }"
  plain  = "plain"
  secretlist = [1, sensitive(2), 3]
}
