#!/bin/sh
# What a client may do once it is logged in (server/sessions.c): stock ssh, scp,
# sftp, rsync and git, and asyncssh for what these never ask for.
# SRC and BUILD are the trees. Prints TAP.
# shellcheck disable=SC1091,SC2012,SC2016,SC2034,SC2086,SC2154
. "${SRC:?}/tests/e2e/lib.sh"

need ssh openssh-client
need sftp openssh-client
need rsync rsync
need git git
need pgrep procps
need_asyncssh
need_built tests/tools/sessions_harness

# what a sanitizer keeps of freed memory would count below
ASAN_OPTIONS="quarantine_size_mb=4:${ASAN_OPTIONS-}"
OUTSIDE=secret
export ASAN_OPTIONS OUTSIDE W

# A word that marks the processes of this run, and no others.
MARK=31536000.$$
export MARK

# ------------------------------------------------------------------- servers

# serve NAME [OPTION...] - a server that lets us in; ssh's name for it is NAME,
# its process is in $NAME.
serve () {
    name=$1
    shift
    "$BUILD/tests/tools/sessions_harness" "$@" >"$W/srv/$name.port" \
        2>"$W/srv/$name.log" &
    eval "$name=$!"
    servers="$servers $!"
    n=0
    until [ -s "$W/srv/$name.port" ]; do
        n=$((n + 1))
        [ $n -lt 500 ] || { echo "Bail out! no harness"; exit 1; }
        sleep 0.02
    done
    cat >>"$W/hosts" <<END
Host $name
    HostName 127.0.0.1
    Port $(port "$name")
END
}

cat >"$W/ssh_config" <<END
Include $W/hosts
Host *
    UserKnownHostsFile /dev/null
    GlobalKnownHostsFile /dev/null
    StrictHostKeyChecking no
    LogLevel ERROR
    IdentitiesOnly yes
    IdentityAgent none
    IdentityFile $W/no_such_key
END

serve plain
serve three -m 3
serve keeping -k
serve forced -f 'echo "you have to: $1$SSH_ORIGINAL_COMMAND"; tty; exit 9'
serve asking -f 'echo "which?"; read -r line; echo "<$line>"'

ssh="ssh -F $W/ssh_config"

# master NAME SERVER - a connection for others to use; ssh -S $W/run/NAME.
master () {
    $ssh -M -N -S "$W/run/$1" "$2" 2>"$W/$1.err" &
    eval "$1=$!"
    servers="$servers $!"
    await "$W/run/$1"
}
end_master () {
    $ssh -S "$W/run/$1" -O exit x 2>/dev/null
}
over () {
    printf '%s' "ssh -F $W/ssh_config -S $W/run/$1 -o ProxyCommand=false"
}

# The process that serves the newest connection of a server.
serving () {
    pgrep -n -P "$1"
}
rss () {
    awk '/VmRSS/ { print $2 }' "/proc/$1/status"
}
marked () {
    pgrep -f "$MARK" | grep -vx $$
}
# Nothing of what was marked is left, within so many tenths of a second.
want_all_gone () {
    n=0
    while [ -n "$(marked)" ]; do
        n=$((n + 1))
        if [ $n -gt "$1" ]; then
            wrong "left: $(pgrep -fa "$MARK")"
            return
        fi
        sleep 0.1
    done
}
# A server serves nobody any more.
want_idle () {
    n=0
    while [ -n "$(pgrep -P "$1")" ]; do
        n=$((n + 1))
        if [ $n -gt 100 ]; then
            wrong "still there: $(pgrep -a -P "$1")"
            return
        fi
        sleep 0.1
    done
}
# client CASE [SERVER] - see sessions_client.py.
client () {
    run 90 "$PY" -W ignore "$E2E/sessions_client.py" \
        "$(port "${2:-plain}")" "$1"
    want_rc 0
    want_quiet
    [ -z "$left" ] || wrong "left behind: $left"
}

# ------------------------------------------------------------------ commands

it "gives a command's exit status"
for status in 0 1 255; do
    run 20 $ssh plain "exit $status"
    want_rc $status
    want_quiet
    want_nothing_left
done

it "serves what a client asked for while the login was still being finished"
run 20 $ssh keeping 'echo kept; exit 2'
want_rc 2
want_out_is kept

it "says that a signal killed a command"
run 20 $ssh plain 'kill -TERM $$'
want_rc 255

it "keeps standard output and standard error apart, and passes input on"
printf 'in\n' >"$W/in"
run 20 sh -c "$ssh plain 'cat; echo err >&2; exit 3' <$W/in"
want_rc 3
want_out_is in
want_err err
want_no_err in

it "gives a command nothing of the server's: descriptors, signals, variables"
run 20 $ssh plain 'ls /proc/$$/fd; tr "\0" "\n" </proc/$$/environ; ulimit -d
    pwd; exec grep -E "Sig(Ign|Blk)" /proc/self/status'
want_rc 0
want_not grep -q OUTSIDE "$W/out"
want_not grep -qx 3 "$W/out"
want_out "unlimited"
want_out "HOME=$HOME"
want grep -qxF "$HOME" "$W/out"
want grep -q 'SigBlk:.*00000000$' "$W/out"
# the C library's own two aside, which are above 31
want grep -q 'SigIgn:.*[08]0000000$' "$W/out"

it "reads commands of a login shell from input"
printf 'echo "<$0>"\nexit 4\n' >"$W/in"
run 20 sh -c "$ssh plain <$W/in"
want_rc 4
want_out "<-"

it "lets a command close its output before it ends"
run 20 $ssh plain 'exec >&- 2>&-; sleep 0.3; exit 4'
want_rc 4

it "waits for the status of a command whose client has closed its side"
run 20 $ssh plain 'exec >&- 2>&-; sleep 2; exit 6'
want_rc 6
want_nothing_left
master closing plain
run 20 sh -c "$(over closing) x 'exec >&- 2>&-; sleep 2; exit 6' </dev/null"
want_rc 6
run 90 sh -c "i=0; while [ \$i -lt 100 ]; do i=\$((i + 1))
    $(over closing) x true </dev/null || exit
    done"
want_rc 0
end_master closing
want_idle "$plain"

it "does not wait for input that a command does not read"
head -c 3000000 /dev/zero >"$W/in"
run 20 sh -c "$ssh plain 'sleep 0.5; echo over' <$W/in"
want_rc 0
want_out_is over

it "passes all output on before the exit status"
run 20 $ssh plain 'head -c 3000000 /dev/zero; exit 5'
want_rc 5
want test "$(wc -c <"$W/out")" = 3000000

# ----------------------------------------------------------------- terminals

it "gives a terminal of its own"
run 20 $ssh -tt plain 'test -t 0 && test -t 1 && test -t 2 && echo three
    test "$(tty)" = "$SSH_TTY" && echo "named, $TERM"
    ps -o tpgid= -o pgid= -o sid= -p $$ | grep -q "\b$$\b.*\b$$\b" && echo leads
    stty -a | grep -qw echo && echo echoes; exit 6'
want_rc 6
want_out three
want_out "named, dumb"
want_out leads
want_out echoes

it "is a shell to type at, that ~. leaves"
run 20 --pty --size 33x101 --screen "$W/screen" \
    --on '' 'type:echo "at $(stty size) $TERM"; sleep '"$MARK"'\r' \
    --on 'at 33 101 dumb' 'type:\r~.' -- $ssh plain
want_rc 255
want_screen "at 33 101 dumb"
want_all_gone 100
want_nothing_left

it "passes interrupts on that are typed"
run 20 --pty --screen "$W/screen" --on up 'type:\x03' -- \
    $ssh -t plain "echo up; sleep $MARK"
want_rc 255
want_screen up
want_all_gone 100

it "passes the end of input on that is typed, and no other"
run 20 --pty --screen "$W/screen" --on up 'type:line\r\x04' -- \
    $ssh -t plain 'echo up; cat; echo after; exit 3'
want_rc 3
want_screen after

it "follows the size of a terminal"
run 20 "$PY" -W ignore -c "
import asyncio, asyncssh, getpass
async def main():
    async with asyncssh.connect('127.0.0.1', $(port plain), known_hosts=None,
            username=getpass.getuser(), client_keys=None, config=None,
            agent_path=None) as conn:
        async with conn.create_process('stty size; read x; stty size; exit 5',
                term_type='vt220', term_size=(101, 33)) as it:
            print(await it.stdout.readline(), end='')
            it.change_terminal_size(122, 44)
            it.stdin.write('\\r')
            print(await it.stdout.read(), end='')
            return (await it.wait()).exit_status
raise SystemExit(asyncio.get_event_loop().run_until_complete(main()))"
want_rc 5
want_out "33 101"
want_out "44 122"

it "ends with the program of a terminal, whatever holds the terminal"
start=$(date +%s)
run 20 $ssh -tt plain "trap '' HUP; sleep $MARK & exit 3"
want_rc 3
run 20 $ssh -tt plain "trap '' HUP; sleep $MARK & stty -opost
    head -c 300000 /dev/zero | tr '\\0' x; exit 4"
want_rc 4
want test "$(tr -cd x <"$W/out" | wc -c)" = 300000
run 20 sh -c "$ssh -tt plain \"trap '' HUP; yes $MARK & sleep 0.5; exit 5\" \
    >$W/out.yes"
want_rc 5
want test "$(($(date +%s) - start))" -lt 4
want_all_gone 100

# ------------------------------------------------------------------ transfers

head -c 200000000 /dev/urandom >"$W/big"
sum=$(sha256sum <"$W/big")

it "carries 200 MB there, and back, while keys change"
run 120 sh -c "$ssh plain sha256sum <$W/big"
want_rc 0
want_out "$sum"
run 120 sh -c "$ssh -o RekeyLimit=20M plain cat <$W/big | sha256sum"
want_rc 0
want_out "$sum"
run 120 sh -c "$ssh -o RekeyLimit=20M plain cat $W/big | sha256sum"
want_rc 0
want_out "$sum"

it "serves scp in both ways that it has"
head -c 3000000 "$W/big" >"$W/file"
for how in -O -s; do
    run 60 scp -q $how -F "$W/ssh_config" "$W/file" "plain:$W/there$how"
    want_rc 0
    run 60 scp -q $how -F "$W/ssh_config" "plain:$W/there$how" "$W/back$how"
    want_rc 0
    want_quiet
    want cmp "$W/file" "$W/back$how"
done
want_nothing_left

it "serves sftp"
mkdir "$W/dir"
printf 'put %s %s\nls %s\nget %s %s\nrm %s\n' "$W/file" "$W/dir/put" \
    "$W/dir" "$W/dir/put" "$W/got" "$W/dir/put" >"$W/batch"
run 60 sftp -q -F "$W/ssh_config" -b "$W/batch" plain
want_rc 0
want_out "dir/put"
want cmp "$W/file" "$W/got"
want_not test -e "$W/dir/put"

it "serves rsync"
mkdir "$W/from"
cp "$W/file" "$W/from/one"
echo two >"$W/from/two"
run 60 rsync -a -e "$ssh" "$W/from/" "plain:$W/to/"
want_rc 0
run 60 rsync -a -e "$ssh" "plain:$W/to/" "$W/again/"
want_rc 0
want diff -r "$W/from" "$W/again"

it "serves git"
git init -q "$W/repository"
(cd "$W/repository" && cp "$W/file" . && git add file &&
    git -c user.name=n -c user.email=e commit -qm one)
GIT_SSH_COMMAND=$ssh
export GIT_SSH_COMMAND
run 60 git clone -q "plain:$W/repository" "$W/clone"
want_rc 0
want_quiet
want cmp "$W/file" "$W/clone/file"

# ------------------------------------------------------- sessions at a time

it "serves eight sessions of a connection at a time"
head -c 20000000 "$W/big" >"$W/part"
part=$(sha256sum <"$W/part")
master shared plain
connection=$(serving "$plain")
fds=$(ls "/proc/$connection/fd" | wc -l)
run 90 sh -c "for i in 1 2 3 4 5 6 7 8; do
        { $(over shared) x cat <$W/part | sha256sum >$W/sum.\$i; } &
    done; wait; cat $W/sum.?"
want_rc 0
want test "$(sort -u "$W/out")" = "$part"
want test "$(wc -l <"$W/out")" = 8

it "refuses more sessions than there may be, and has room again"
client most three

it "keeps nothing of 300 sessions"
run 120 sh -c "i=0; while [ \$i -lt 20 ]; do i=\$((i + 1))
    $(over shared) x 'echo \$((6 * 7)); exit 7' || [ \$? = 7 ] || exit 1
    done"
before=$(rss "$connection")
run 300 sh -c "i=0; while [ \$i -lt 300 ]; do i=\$((i + 1))
    $(over shared) x 'echo \$((6 * 7)); exit 7' || [ \$? = 7 ] || exit 1
    done | sort -u"
want_rc 0
want_out_is 42
want test "$(ls "/proc/$connection/fd" | wc -l)" = "$fds"
# in KiB; a sanitizer keeps what is freed, up to the 4 MiB set above
most=1024
! grep -q __asan_init "$BUILD/tests/tools/sessions_harness" || most=5120
want test "$(($(rss "$connection") - before))" -lt "$most"
want test -z "$(pgrep -P "$connection")"

it "does not wait in a loop"
$(over shared) x 'sleep 1000' 2>/dev/null &
idle=$!
servers="$servers $idle"
sleep 0.5
ticks=$(awk '{ print $14 + $15 }' "/proc/$connection/stat")
sleep 2
want test "$(awk '{ print $14 + $15 }' "/proc/$connection/stat")" -le \
    "$((ticks + 1))"
kill "$idle"

it "stalls a command whose output is not read, and nobody else"
mkfifo "$W/stuck"
$(over shared) x "cat /dev/zero $MARK 2>/dev/null" >"$W/stuck" 2>/dev/null &
stuck=$!
servers="$servers $stuck"
exec 9<"$W/stuck"
sleep 1
run 20 sh -c "$(over shared) x cat <$W/part | sha256sum"
want_out "$part"
want test "$(rss "$connection")" -lt 65536
kill "$stuck"
exec 9<&-
want_all_gone 100

it "stalls a client whose command does not read, and nobody else"
$(over shared) x "sleep $MARK" </dev/zero 2>/dev/null &
stuck=$!
servers="$servers $stuck"
sleep 1
run 20 sh -c "$(over shared) x cat <$W/part | sha256sum"
want_out "$part"
want test "$(rss "$connection")" -lt 65536
kill "$stuck"

it "ends a connection's programs with it"
$(over shared) x "sleep $MARK & sleep $MARK" 2>/dev/null &
servers="$servers $!"
n=0
until [ "$(marked | wc -l)" -ge 3 ]; do
    n=$((n + 1)); [ $n -lt 100 ] || break; sleep 0.05
done
want test "$(marked | wc -l)" -ge 3
end_master shared
want_all_gone 100
want_idle "$plain"

# -------------------------------------------------------------------- the end

it "ends programs whose client was killed"
run 20 --after 1 kill:KILL -- $ssh plain "sleep $MARK"
want_rc 137
want_all_gone 100
want_idle "$plain"

it "ends them whatever they do: ignore HUP, stop, hold a terminal"
run 20 "$PY" -W ignore "$E2E/sessions_client.py" "$(port plain)" gone
want_rc 137
want_out up
want_all_gone 100
want test -e "$HOME/told"
want_idle "$plain"

it "ends them when the server is ended"
$ssh plain "trap '' HUP; echo up; sleep $MARK; :" >"$W/up" 2>/dev/null &
servers="$servers $!"
n=0
until [ -s "$W/up" ]; do
    n=$((n + 1)); [ $n -lt 100 ] || break; sleep 0.05
done
want test -s "$W/up"
kill -TERM "$(serving "$plain")"
want_all_gone 100
want_idle "$plain"

# --------------------------------------------------------------------- forced

it "runs the forced command instead of what is asked for"
run 20 $ssh forced 'echo other'
want_rc 9
want_out_is "you have to: " "not a tty"
run 20 $ssh -tt forced
want_rc 9
want_out /dev/pts/
run 20 sftp -q -F "$W/ssh_config" forced
want_rc 255
want_nothing_left

it "lets the user answer it, then closes the connection"
run 20 --pty --screen "$W/screen" --on 'which?' 'type:word\r' -- \
    $ssh -t asking
want_rc 0
want_screen "<word>"
master once asking
run 20 sh -c "echo word | $(over once) x 'echo other'"
want_rc 0
want_out_is "which?" "<word>"
want_idle "$asking"

# -------------------------------------------------------------------- refused

it "refuses forwards, agents and X11, and says so"
run 20 $ssh -W 127.0.0.1:22 plain
want_rc 255
want_err "stdio forwarding failed"
run 20 $ssh -o ExitOnForwardFailure=yes -N -R 0:127.0.0.1:22 plain
want_rc 255
want_err "remote port forwarding failed"
run 20 $ssh -R "$W/run/forward:/x" -A plain 'echo "<$SSH_AUTH_SOCK$DISPLAY>"'
want_rc 0
want_out "<>"
want_nothing_left

it "answers a client that asks whether it is there"
run 20 $ssh -o ServerAliveInterval=1 -o ServerAliveCountMax=1 plain \
    'sleep 3; exit 3'
want_rc 3

it "has no subsystem but sftp"
run 20 $ssh -s plain netconf
want_rc 255
want_err "subsystem request failed"

it "takes the locale over, of all that a client would set"
client environment

it "passes signals on, and says which one ended a program"
client signals

it "refuses odd requests, one by one"
client requests

it "refuses other channels and what concerns the whole connection"
client openings

it "tells the end of a program to a client that has closed the channel"
client told

it "knows the end of data from the end of a session"
client half_closed

it "ends the programs of a channel that its client closes"
client closed
want_all_gone 5

it "keeps what comes before the program starts"
client early

it "does not feed a program what is meant as its errors"
client errors_in

it "passes on what a client sent that has closed already"
client forgotten

it "lets a client go on whose command has closed its input"
client deaf

it "lets live what a command leaves running, until the connection ends"
client background
want_all_gone 100

# -------------------------------------------------------------------- hostile

it "ends a connection whose client sends more than it may"
client over_window
want grep -q "more than it was given leave to" "$W/srv/plain.log"
want_idle "$plain"

it "sends small packets to who wants them small"
client small_packets

# a sanitizer's memory has no bound
if ! grep -q __asan_init "$BUILD/tests/tools/sessions_harness"; then
    it "ends a connection that has no room for data in its packets"
    client tiny_packets
    want grep -q "its output cannot be sent on" "$W/srv/plain.log"
    want_idle "$plain"
fi

it "does not listen to a client that does not read its answers"
run 60 "$PY" -W ignore "$E2E/sessions_client.py" "$(port plain)" unread_answers
want_rc 137
want_out "not heard"
want_idle "$plain"

it "counts channels that a client never closes"
client not_closed three

it "stands many channels that are never waited for"
client many_opens
want_idle "$plain"

it "has given no sanitizer cause for a word"
want_not grep -hE 'Sanitizer|runtime error' "$W"/srv/plain.log \
    "$W"/srv/three.log "$W"/srv/keeping.log "$W"/srv/forced.log "$W"/srv/asking.log

finish
