# A small Debian with Python, configured by a playbook on the builder host.

bake {
  project = "examples/ansible"
}

image "ansible" {
  scratch {}

  volume "root" {
    size            = "1GiB"
    partition_table = "none"
    filesystem      = "ext4"
    mount           = "/"
  }

  bootstrap "debian" {
    suite    = "bookworm"
    variant  = "apt"
    packages = ["python3"]
  }

  provision "ansible" "motd" {
    directory  = "ansible"
    groups     = ["web"]
    extra_vars = { greeting = "Hello from Ansible" }
  }
}

output "image" {
  value = image.ansible.ids
}
