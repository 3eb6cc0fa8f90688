size = "8GiB"
