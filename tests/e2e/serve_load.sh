#!/bin/sh
# authplug serve: many clients at once.
. "${0%/*}/lib.sh"
. "${0%/*}/serve_lib.sh"
: >"$W/hosts"
: >"$W/known_hosts"
password_file
echo "alice:red:rex:yes" >"$W/people"

it "two hundred logins at once all succeed, each with a plugin of its own"
serve_start many "PasswordFile $W/passwords" "AuthKbdInt.Plugin exec \
$SRC/examples/tectia/personal_info.sh $W/people"
run 100 "$PY" "$E2E/serve_many.py" "$(serve_port many)" 200 kbdint
want_rc 0
want_out "200 of 200 logged in"
sed 's/^/# /' "$W/out"
want_idle many
want [ "$(grep -c '"event":"login",.*"outcome":"accepted"' \
    "$W/s/many/log")" = 200 ]

it "two hundred with passwords, too"
run 100 "$PY" "$E2E/serve_many.py" "$(serve_port many)" 200 password
want_rc 0
sed 's/^/# /' "$W/out"
want_idle many

it "no descriptor is left open, either"
want [ "$(find "/proc/$(cat "$W/s/many/pid")/fd" -type l | wc -l)" -le 8 ]

it "five hundred that say nothing delay a login, and do not prevent it"
serve_start few "PasswordFile $W/passwords" "LoginGraceTime 5"
mkfifo "$W/stay"
"$PY" "$E2E/serve_many.py" "$(serve_port few)" 240 mute <"$W/stay" \
    >"$W/there" 2>&1 &
exec 9>"$W/stay"
servers="$servers $!"
n=0
until grep -qs 'are there' "$W/there" || [ "$n" = 250 ]; do
    n=$((n + 1))
    sleep 0.02
done
talk few "password alice sesame"
want_out success
# the rest of the places, and more
"$PY" "$E2E/serve_many.py" "$(serve_port few)" 260 mute <"$W/stay" \
    >"$W/there2" 2>&1 &
servers="$servers $!"
sleep 0.5
talk few "password alice sesame"
want_out success
want_at_least 2000
want_within 12000
exec 9>&-
want_idle few

it "a server that was busy ends in good order"
serve_stop many
want_rc 0

finish
