# What apply computes is checked before, as far as it is known.
locals {
  slow   = bcrypt("x", 25)
  none   = bcrypt("x", 32)
  long   = bcrypt(join("", [for i in range(73) : "a"]))
  secret = bcrypt(sensitive(join("", [for i in range(73) : "s3cret"])))
}
