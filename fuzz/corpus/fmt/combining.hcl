a = 1
séize = 2
