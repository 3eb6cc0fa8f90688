image "web" {
  scratch {}
  volume "root" {
    size            = "64MiB"
    partition_table = "none"
    filesystem      = "ext4"
    mount           = "/"
  }
  lifecycle {
    precondition {
      condition     = image.derived.id != ""
      error_message = "no"
    }
  }
}

image "derived" {
  source {
    image = image.web
  }
}
