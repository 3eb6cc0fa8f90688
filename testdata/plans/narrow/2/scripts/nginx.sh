set -eu
apt-get update
apt-get install -y nginx=1.22.1-9
systemctl enable nginx
