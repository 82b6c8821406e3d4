#!/bin/sh
# Nobody waits for what has come already, or will never come, in client/mux: the
# moments at which somebody could.
# shellcheck disable=SC1091,SC2016,SC2154
set -u
here=$(dirname "$0")
. "$here/mux_lib.sh"
"$py" -c 'import asyncssh' 2>/dev/null || {
    [ "${CI:-}" != true ] || { echo "Bail out! no asyncssh"; exit 1; }
    echo "1..0 # SKIP asyncssh is not installed (Debian: python3-asyncssh)"
    exit 0
}

start_sshd main 'MaxSessions 20' || { cat "$T/main.log"; exit 1; }
main=$port
main_sshd=$pid
start_sshd single 'MaxSessions 1' || exit 1
single=$port

# helper NAME ARGUMENT...: a server of mux_wait.py; sets $port
helper() {
    "$py" "$here/mux_wait.py" "$@" "$T/helper.port" >"$T/helper.log" 2>&1 &
    started="$! $started"
    until_true 20 test -s "$T/helper.port" || cat "$T/helper.log"
    port=$(cat "$T/helper.port")
    rm "$T/helper.port"
}

# who_serves PID: the sshd below that one that has the last connection.
who_serves() {
    last=$(pgrep -n -P "$1" -x sshd)
    pgrep -P "$last" -x sshd || echo "$last"
}

# ------------------------------------------------------- the other sessions

# The first one's end keeps the master busy for half a second. So it finds the
# next two ended at once, and what they send at their end waits for the socket:
# then libssh takes in what comes there, here the end of the last.
start_harness late -l 500 "$main"
late=$pid
lasts=
for wait in 0 0 0.9; do
    via_exec late x "until [ -e $T/over ]; do sleep 0.05; done; sleep $wait" \
        </dev/null >/dev/null 2>"$T/err" &
    lasts="$! $lasts"
done
sleep 1
via late x "echo >$T/over" </dev/null 2>/dev/null
until_true 5 are_gone $lasts
report 'what comes while another session is closed is not left lying'
stop $lasts "$late"

# ---------------------------------------------------- a server that stalls

# A send() of more than there is room for would wait for the server.
start_harness small -b 16384 "$main"
small=$pid
via_exec small x 'cat >/dev/null' </dev/zero 2>/dev/null &
up=$!
sleep 1
serves=$(who_serves "$main_sshd")
kill -STOP "$serves"
sleep 1
LIMIT=5 via small -O check x 2>"$T/err"
report 'an upload to a server that does not read holds up nobody'
kill -TERM "$small"
until_true 5 is_gone "$small"
report 'and the master ends when it is told to'
kill -CONT "$serves"
stop $up "$small"

# --------------------------------------------- a server with room for one

helper delay "$single" 60
start_harness one -s "$port"
one=$pid
ends=
for i in 1 2 3 4 5 6 7 8; do
    via one x "exit $i" </dev/null 2>>"$T/err"
    ends="$ends$?"
done
[ "$ends" = 12345678 ]
report 'a channel asked for ahead, too early, costs no session'
stop "$one"

# The answer of the second is on its way when the session is asked for.
helper delay "$single" 300
start_harness asks -s -i 500 "$port"
asks=$pid
ends=
for i in 1 2 3; do
    sleep 1.4
    via asks x "exit $i" </dev/null 2>>"$T/err"
    ends="$ends$?"
done
[ "$ends" = 123 ]
report 'neither does a sign of life'
stop "$asks"

# --------------------------------------------------------- what is not answered

helper server "$T/host"
start_harness odd "$port"
odd=$pid
LIMIT=10 via odd x other </dev/null 2>"$T/err"
[ $? -eq 7 ]
report 'a server of another make runs a session'
LIMIT=10 via odd x closed </dev/null 2>"$T/err"
[ $? -eq 255 ]
report 'a channel that is closed instead of answered ends the session'
stop "$odd"

# --------------------------------------------------------------- forwards

start_harness many "$main"
many=$pid
until_true 5 via many -O check x 2>/dev/null
timeout 40 "$py" "$here/mux_wait.py" forwards "$T/many" \
    "$(who_serves "$main_sshd")" 2>"$T/err"
report 'of those who ask for forwards at once each is answered in turn'

mkdir "$T/targets"
"$py" "$here/mux_forward.py" serve "$T/targets" >"$T/targets.log" 2>&1 &
started="$! $started"
until_true 10 test -s "$T/targets/ports" || exit 1
. "$T/targets/ports" # echo
port=$(free_port)
via many -O forward -L "127.0.0.1:$port:127.0.0.1:$echo" x
mkfifo "$T/stuck"
exec 9<>"$T/stuck"
via_exec many x 'while :; do head -c 100000 /dev/zero; echo >&2; done' \
    </dev/null >"$T/stuck" 2>"$T/flood" &
flood=$!
timeout 60 "$py" "$here/mux_wait.py" echo "$port" 2>"$T/err" &&
    grep -q 'session ended: nobody reads its output' "$T/flood"
report 'a session that nobody reads does not hold up a forward for ever'
stop $flood
exec 9>&-

echo "1..$count"
exit "$failed"
