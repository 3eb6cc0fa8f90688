"""A laboratory for the aws provider: an EC2-compatible endpoint on loopback whose volumes are real block devices."""
