bake {
  project = "test"
}

image {
  scratch {}
}

image "my image" {
  scratch {}
}

output "id" {
  value = [image.web.id, image.other.id]
}
