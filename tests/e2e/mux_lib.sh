# mux_lib.sh - what the tests of client/mux share: a real sshd on loopback, and
# tests/tools/mux_harness logged in to it. Sourced by POSIX sh; speaks TAP.
# shellcheck shell=sh disable=SC2034,SC2012

: "${BUILD:?the build directory}"
harness=$BUILD/tests/tools/mux_harness
sshd=${SSHD:-/usr/sbin/sshd}
py=/usr/bin/python3

for tool in "$sshd" ssh sftp ssh-keygen "$py" timeout pgrep sha256sum; do
    command -v "$tool" >/dev/null || {
        [ "${CI:-}" != true ] || { echo "Bail out! no $tool"; exit 1; }
        echo "1..0 # SKIP $tool is not installed"
        exit 0
    }
done

[ -x "$harness" ] || { echo "Bail out! $harness is not built"; exit 1; }

T=$(mktemp -d) || exit 1
started=
count=0
failed=0

# The programs that this script started, by their numbers, and no others.
stop() {
    for pid in "$@"; do
        kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null
    done
}
# shellcheck disable=SC2086
trap 'stop $started; rm -rf "$T"' EXIT
trap 'exit 1' HUP INT TERM

# report NAME: takes the status of what ran before it.
report() {
    status=$?
    count=$((count + 1))
    if [ $status -eq 0 ]; then
        echo "ok $count - $1"
    else
        echo "not ok $count - $1"
        failed=1
        for log in "$T"/out "$T"/err "$T"/out.theirs "$T"/err.theirs; do
            [ -s "$log" ] && head -c 2000 "$log" | sed "s|^|# ${log##*/}: |"
        done
    fi
    rm -f "$T"/out "$T"/err "$T"/out.theirs "$T"/err.theirs
}

# until_true SECONDS COMMAND...
until_true() {
    left=$(($1 * 10))
    shift
    until "$@"; do
        left=$((left - 1))
        [ $left -gt 0 ] || return 1
        sleep 0.1
    done
}

is_gone() { ! kill -0 "$1" 2>/dev/null; }
are_gone() { for gone in "$@"; do is_gone "$gone" || return 1; done; }
has() { grep -q -- "$2" "$T/$1" 2>/dev/null; }

# --------------------------------------------------------------- a sshd

ssh-keygen -q -t ed25519 -N '' -f "$T/host" || exit 1
ssh-keygen -q -t ed25519 -N '' -f "$T/key" || exit 1
cp "$T/key.pub" "$T/authorized"
[ "$(id -u)" -ne 0 ] || mkdir -p /run/sshd

free_port() {
    "$py" -c 'import socket
s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# start_sshd NAME LINE...: sets $port and $pid
start_sshd() {
    name=$1
    shift
    port=$(free_port)
    cat >"$T/$name.conf" <<EOF
Port $port
ListenAddress 127.0.0.1
HostKey $T/host
AuthorizedKeysFile $T/authorized
PermitRootLogin prohibit-password
StrictModes no
UsePAM no
UseDNS no
PidFile none
PrintMotd no
PrintLastLog no
Subsystem sftp internal-sftp
AcceptEnv MUXT_*
SetEnv HOME=$T
EOF
    printf '%s\n' "$@" >>"$T/$name.conf"
    "$sshd" -D -f "$T/$name.conf" -E "$T/$name.log" &
    pid=$!
    started="$pid $started"
    until_true 10 has "$name.log" 'Server listening'
}

# start_harness SOCKET ARGUMENT...: sets $pid
start_harness() {
    socket=$1
    shift
    "$harness" -o $$ "$@" "$T/key" "$T/$socket" \
        >"$T/$socket.out" 2>"$T/$socket.log" &
    pid=$!
    started="$pid $started"
    until_true 10 has "$socket.out" .
}

export XDG_RUNTIME_DIR="$T/run"
# Freed memory that a sanitizer keeps would count below.
export ASAN_OPTIONS="quarantine_size_mb=4:${ASAN_OPTIONS-}"
mkdir -m 0700 "$T/run"

# via SOCKET ARGUMENT...: ssh that must not make a connection of its own.
via() {
    socket=$1
    shift
    timeout "${LIMIT:-30}" ssh -F none -S "$T/$socket" \
        -o ProxyCommand='echo a connection of its own >&2; exit 99' "$@"
}

# The same, to be put into the background and stopped by its number.
via_exec() {
    socket=$1
    shift
    exec timeout 30 ssh -F none -S "$T/$socket" -o ProxyCommand=false "$@"
}
