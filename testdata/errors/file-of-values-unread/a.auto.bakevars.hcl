size = "2GiB"
name = "web
