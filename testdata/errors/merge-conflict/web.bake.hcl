bake {
  project = "x"
}
<<<<<<< HEAD
locals { a = 1 }
=======
locals { a = 2 }
>>>>>>> other
