token = "hunter2"
