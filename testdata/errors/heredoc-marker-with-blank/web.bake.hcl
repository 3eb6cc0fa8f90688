locals {
  motd = << EOT
hello
EOT
}
