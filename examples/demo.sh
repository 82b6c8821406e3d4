#!/bin/sh
# What `./run` shows: a server plugin asks, SSH carries the question, a client
# plugin answers. First a real sshd with PAM, then `authplug serve`. Everything
# is on loopback, private, and gone afterwards.
SRC=$(cd "$(dirname "$0")/.." && pwd)
BUILD=$SRC/build
export SRC BUILD
. "$SRC/tests/e2e/trusted.sh"
. "$SRC/tests/e2e/lib.sh"
. "$E2E/sshd.sh"
login_program
client_config
# pam_authplug runs nothing that others could change
chmod 755 "$W"
umask 022

show () {
    printf '\n\033[1m$ %s\033[0m\n' "$1"
}
[ -t 1 ] || show () { printf '\n$ %s\n' "$1"; }

# ------------------------------------------------------------- sshd and PAM

mkdir -p "$W/examples/tectia" "$W/sdk/tectia"
cp "$SRC/examples/tectia/word.sh" "$W/examples/tectia"
cp "$SRC/sdk/tectia/plugin.sh" "$W/sdk/tectia"
pam_services
cat >"$W/pam.d/sshd-word" <<END
auth required $BUILD/server/pam_authplug.so \
    [plugin=$W/examples/tectia/word.sh stoat]
account required pam_permit.so
session required pam_permit.so
END
ln -s /usr/sbin/sshd "$W/sbin/sshd-word"
sshd_start sshd service=sshd-word >/dev/null

cat <<'END'
1. A real OpenSSH server with PAM. Its pam.d says

     auth required pam_authplug.so [plugin=/.../word.sh stoat]

   and the server plugin, examples/tectia/word.sh, is

END
sed -n '/^if/,$s/^/     /p' "$SRC/examples/tectia/word.sh"
cat <<'END'

   The client plugin, build/examples/hello, is one page of C and answers with
   its argument.
END
show "authplug ssh --plugin 'hello stoat' sshd 'echo logged in as \$USER'"
"$BUILD/authplug" ssh -F "$W/ssh_config" --plugin "'$hello' stoat" sshd \
    'echo logged in as $USER through $SSH_CONNECTION'
result=$?
show "authplug ssh --batch --plugin 'hello weasel' sshd true"
"$BUILD/authplug" ssh -F "$W/ssh_config" --batch --plugin "'$hello' weasel" \
    sshd true

# -------------------------------------------------------------------- serve

printf '%s:green:Elvis:yes\n' "$me" >"$W/people"
cat >"$W/serve.conf" <<END
Port 0
HostKeyFile $W/ed25519
AllowedAuthentications keyboard-interactive
AuthKbdInt.Plugin exec '$BUILD/examples/personal_info' '$W/people'
END
root=
[ "$(id -u)" != 0 ] || root=--allow-root
# shellcheck disable=SC2086
"$BUILD/authplug" serve --config "$W/serve.conf" $root \
    >"$W/serve.out" 2>"$W/serve.log" &
servers="$servers $!"
until grep -q '^host key' "$W/serve.out"; do
    kill -0 $! 2>/dev/null || { cat "$W/serve.log" >&2; exit 1; }
    sleep 0.05
done
port=$(sed -n 's/^listening on 127.0.0.1 port \([0-9]*\):.*/\1/p' \
    "$W/serve.out")
key_line 127.0.0.1 "$port" "$W/ed25519.pub" >>"$W/known_hosts"
printf 'Host serve\n    HostName 127.0.0.1\n    Port %s\n' "$port" >>"$W/hosts"

cat <<'END'

2. authplug serve, a server to try plugins with. Its configuration says

     AuthKbdInt.Plugin personal_info FILE

   which is a server plugin in C that asks three questions at once.
END
show "authplug ssh --plugin 'hello green Elvis yes' serve 'echo welcome'"
"$BUILD/authplug" ssh -F "$W/ssh_config" --plugin "'$hello' green Elvis yes" \
    serve 'echo welcome' || result=1
echo
echo "   The server's log, a line a decision:"
echo
sed -e 's/"plugin":"exec [^"]*"/"plugin":"..."/' -e 's/^/     /' "$W/serve.log"
cat <<'END'

Next: docs/answer.md for codes and passwords that answer themselves,
./run connect --help for git and rsync as they are, ./run try --help for
plugins of your own, ./run serve --help, ./test, and README.md.
END
exit "$result"
