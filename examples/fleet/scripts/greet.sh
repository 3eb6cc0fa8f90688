# Runs in each member: the root is a copy of the base, /srv is the member's own volume.
echo "I am $NAME, $GREETING." >/etc/motd
echo "data of $NAME" >/srv/readme
