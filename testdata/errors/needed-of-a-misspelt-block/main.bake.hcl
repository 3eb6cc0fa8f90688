bake {
  project = "test"
}

imag "web" {
}

local {
  size = "1GiB"
}

data "htp" "page" {
}

output "all" {
  value = [image.web.id, local.size, data.htp.page.body, local.other]
}
