bake {
  project = "acme/images"
}

variable "token" {
  type      = string
  default   = "hunter2-a"
  sensitive = true
}

image "web" {
  architecture = "x86_64"

  scratch {}

  volume "root" {
    size            = "64MiB"
    partition_table = "none"
    filesystem      = "ext4"
    mount           = "/"
  }

  bootstrap "tar" {
    path = "root.tar"
  }
}

# An apply looks at this one.
check "id" {
  assert {
    condition     = startswith(image.web.id, "x")
    error_message = "The id is ${image.web.id}."
  }
}

# These hold what no plan holds, or wait for nothing that an apply makes.
check "secret" {
  assert {
    condition     = image.web.id != var.token
    error_message = "The token ${var.token} is no id."
  }
}

check "clock" {
  assert {
    condition     = timecmp(timestamp(), "2030-01-01T00:00:00Z") < 0
    error_message = "It is time for another base."
  }
}

check "moment" {
  assert {
    condition     = bcrypt(var.token, 4) != ""
    error_message = "There is always a hash."
  }
}

# What is known is judged, and its message is not shown where a secret is in it.
check "known" {
  assert {
    condition     = nonsensitive(length(var.token)) > 100
    error_message = "The token ${var.token} is too short."
  }
}
