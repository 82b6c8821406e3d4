#!/bin/sh
# Fifty logins at once on authplug serve, with a plugin each, against the
# same on stock sshd with PAM: the same client, in turns.
. "$SRC/tests/e2e/lib.sh"
. "$E2E/serve_lib.sh"
. "$E2E/sshd.sh"
: >"$W/hosts"
: >"$W/known_hosts"
echo "$me:red:rex:yes" >"$W/people"
password=sesame
serve_start plugins "AuthKbdInt.Plugin exec \
$SRC/examples/tectia/personal_info.sh $W/people"
sshd_start pam "MaxStartups 400"

for i in 1 2 3; do
    "$PY" "$E2E/serve_many.py" "$(serve_port plugins)" 50 kbdint \
        "$me" red rex yes >>"$W/ours" || { cat "$W/ours"; exit 1; }
    "$PY" "$E2E/serve_many.py" "$(sshd_port pam)" 50 kbdint \
        "$me" sesame >>"$W/theirs" || { cat "$W/theirs"; exit 1; }
done
median () { sed 's/.* in \([0-9]*\) ms/\1/' "$1" | sort -n | sed -n 2p; }
ours=$(median "$W/ours") theirs=$(median "$W/theirs")
echo "50 logins at once: serve $ours ms   sshd with PAM $theirs ms" \
    "  ratio $("$PY" -c "print('%.2f' % ($ours / $theirs))")"
