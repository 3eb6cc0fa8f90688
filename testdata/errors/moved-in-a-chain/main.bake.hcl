bake {
  project = "test"
}

moved {
  from = image.a
  to   = image.b
}

moved {
  from = image.b
  to   = image.c
}

moved {
  from = image.x
  to   = image.y
}

moved {
  from = image.y
  to   = image.x
}
