image:
  web:
    scratch: {}
