image "web" {
  scratch {}
  volume "root" {
    size       = "64MiB"
    filesystem = "ext4"
    mount      = "/"
  }
  publish {
    regions = ["eu-west-1"]

    region "us-east-1" {}
    share {
      public = true
    }
    parameter "/images/web" {}
  }
}
