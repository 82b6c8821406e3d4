#!/bin/sh
# What `./run` shows: a real sshd asks, a plugin answers, stock ssh runs the
# session. Everything is on loopback, private, and gone afterwards.
SRC=$(cd "$(dirname "$0")/.." && pwd)
BUILD=$SRC/build
export SRC BUILD
. "$SRC/tests/e2e/lib.sh"
. "$E2E/sshd.sh"
login_program
client_config
sshd_start demo >/dev/null

show () {
    printf '\n\033[1m$ %s\033[0m\n' "$1"
}
[ -t 1 ] || show () { printf '\n$ %s\n' "$1"; }

cat <<'END'
A real OpenSSH server (sshd with PAM, keyboard-interactive) runs on loopback.
It asks "Password: ". The plugin is build/examples/hello, one page of C, which
answers with its argument.
END
show "authplug try putty -- hello 's3cret'"
"$BUILD/authplug" try putty -- "$hello" s3cret
show "authplug ssh --plugin \"hello '...'\" demo 'echo logged in as \$USER'"
"$BUILD/authplug" ssh -F "$W/ssh_config" --plugin "'$hello' '$password'" demo \
    'echo logged in as $USER through $SSH_CONNECTION'
result=$?
show "authplug ssh --batch --plugin \"hello wrong\" demo true"
"$BUILD/authplug" ssh -F "$W/ssh_config" --batch --plugin "'$hello' wrong" demo true
cat <<'END'

Next: ./run ssh --help, ./run try --help, ./test, and README.md.
END
exit "$result"
