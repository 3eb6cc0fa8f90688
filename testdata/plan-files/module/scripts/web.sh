set -eu
echo one
