locals {
  a = variable.name
  b = vars.name
  c = locals.a
  f = source.web
  g = images.web.id
}
