nmes = "x"
