#!/bin/sh
# authplug connect: a connection that stays, and what stock ssh, scp, sftp, rsync
# and git do with it.
# shellcheck disable=SC2016,SC2034,SC2086,SC2154
. "${0%/*}/lib.sh"
need ssh openssh-client
need scp openssh-client
need sftp openssh-client
need rsync rsync
need git git
need_built examples/hello
. "$E2E/sshd.sh"
login_program

client_config
sshd_start pam
sshd_start jump
sshd_start small "MaxSessions 2"
sshd_start single "MaxSessions 1"
# sshd counts whole seconds: 1s may be over at once
sshd_start hasty "ChannelTimeout *=2s"
sshd_start shared "client=ControlMaster auto
    ControlPath $W/run/shared-%C
    ControlPersist 3"

answer="'$hello' '$password'"
cat >"$W/connect" <<END
#!/bin/sh
exec "$BUILD/authplug" connect -F "$W/ssh_config" "\$@"
END
chmod +x "$W/connect"
connect=$W/connect
ssh="ssh -F $W/ssh_config"

# A plugin that notes each conversation.
cat >"$W/counting" <<END
#!/bin/sh
echo asked >>"$W/asked"
exec $answer
END
chmod +x "$W/counting"
asked () { wc -l <"$W/asked" | tr -d ' '; }
: >"$W/asked"

# What a test that fails leaves is not to outlive it.
end_all () {
    for s in $(find "$W/run" -type s); do kill "$(master "$s")" 2>/dev/null; done
    cleanup
}
trap end_all EXIT

# the pid of what serves a socket
master () {
    $ssh -S "$1" -O check x 2>&1 | sed -n 's/.*pid=\([0-9]*\).*/\1/p'
}
end () {
    kill "$(master "$1")" 2>/dev/null
    n=0
    while [ -e "$1" ] && [ $n -lt 100 ]; do sleep 0.05; n=$((n + 1)); done
}
gone () {
    n=0
    while kill -0 "$1" 2>/dev/null; do
        n=$((n + 1))
        [ $n -lt 200 ] || return 1
        sleep 0.05
    done
}

# ------------------------------------------------------------------- by hand

it "connects, prints the path as its only line, and is back at once"
run 20 --keep -- "$connect" --plugin "$W/counting" pam
want_rc 0
want_quiet
path=$(cat "$W/out")
[ "$(wc -l <"$W/out")" = 1 ] || wrong "more than the path was printed"
[ -S "$path" ] || wrong "there is no socket"
[ "$(stat -L -c %a "$path")" = 600 ] || wrong "the socket's mode is not 0600"
[ "$(asked)" = 1 ] || wrong "the plugin was asked $(asked) times"

it "stock ssh runs commands through it, and the exit status is theirs"
run 20 $ssh -S "$path" pam 'echo here; exit 9'
want_rc 9
want_out_is here
want_quiet

it "-O check tells that it is there"
run 20 $ssh -S "$path" -O check pam
want_rc 0
want_err "Master running (pid="

it "what serves it has nothing of ours open, and no terminal"
pid=$(master "$path")
ls -l "/proc/$pid/fd" >"$W/fds"
[ "$(readlink "/proc/$pid/cwd")" = / ] || wrong "it is not in /"
for fd in 0 1 2; do
    [ "$(readlink "/proc/$pid/fd/$fd")" = /dev/null ] || wrong "fd $fd is open"
done
n=$(ls "/proc/$pid/fd" | wc -l)
[ "$n" -le 12 ] || wrong "$n descriptors: $(cat "$W/fds")"
[ "$(ps -o sid= -p "$pid" | tr -d ' ')" = "$pid" ] || wrong "no own session"

it "a second connect leaves it as it is, without a dialogue"
run 20 --keep -- "$connect" --plugin "$W/counting" pam
want_rc 0
want_out_is "$path"
[ "$(asked)" = 1 ] || wrong "the plugin was asked again"

it "authplug ssh uses it instead of a login"
run 20 "$login" --plugin "$W/counting" pam 'echo through'
want_rc 0
want_out_is through
want_quiet
[ "$(asked)" = 1 ] || wrong "the plugin was asked again"

it "and has no limit on its time from the login that was not needed"
run 20 "$login" --plugin "$W/counting" --timeout 1 pam 'sleep 7; echo long'
want_rc 0
want_out_is long

it "authplug ssh -S none logs in by itself"
run 20 "$login" -S none --plugin "$W/counting" pam 'echo alone'
want_rc 0
want_out_is alone
[ "$(asked)" = 2 ] || wrong "the plugin was not asked"

it "another port, user or alias is another connection"
for other in "-p $(sshd_port jump)" "-l nobody-else" \
    "-o HostKeyAlias=127.0.0.1"; do
    run 20 "$login" --batch $other -o PreferredAuthentications=none pam true
    want_rc 255
done

it "scp, the old protocol too, sftp and rsync go through it"
head -c 300000 /dev/urandom >"$W/data"
for how in "scp -q -F $W/ssh_config -o ControlPath=$path" \
    "scp -q -O -F $W/ssh_config -o ControlPath=$path" \
    "rsync -e 'ssh -F $W/ssh_config -S $path'"; do
    rm -f "$W/copy" "$W/back"
    run 30 sh -c "$how $W/data pam:$W/copy && $how pam:$W/copy $W/back"
    want_rc 0
    want cmp "$W/data" "$W/back"
done
echo "get $W/data $W/copied" >"$W/batch"
run 30 sftp -q -b "$W/batch" -F "$W/ssh_config" -o "ControlPath=$path" pam
want_rc 0
want cmp "$W/data" "$W/copied"

it "git clones and pushes through it"
git init -q --bare "$W/repo.git"
run 40 env GIT_SSH_COMMAND="ssh -F $W/ssh_config -S $path" sh -c "
    git clone -q pam:$W/repo.git $W/clone 2>/dev/null && cd $W/clone &&
    git -c user.name=t -c user.email=t@localhost commit -q --allow-empty -m one &&
    git push -q origin HEAD"
want_rc 0
want git -C "$W/repo.git" rev-parse HEAD

it "eight sessions at once each get what is theirs"
run 40 sh -c "for i in 1 2 3 4 5 6 7 8; do
    $ssh -S $path pam \"seq 20000; echo \$i\" >$W/par.\$i & done; wait"
for i in 1 2 3 4 5 6 7 8; do
    [ "$(tail -n 1 "$W/par.$i")" = "$i" ] || wrong "session $i"
    [ "$(wc -l <"$W/par.$i")" = 20001 ] || wrong "session $i is cut"
done

it "a terminal works in it"
run 20 --pty -- $ssh -tt -S "$path" pam 'test -t 0 && test -t 1 && echo tty'
want_rc 0

it "authplug ssh -O finds it: check, forward, cancel"
run 20 "$login" -O check pam
want_rc 0
want_err "Master running (pid=$pid)"
free=$("$PY" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0))
print(s.getsockname()[1])')
for what in forward cancel; do
    run 20 "$login" -O $what -L "$free:127.0.0.1:$(sshd_port pam)" pam
    want_rc 0
    want_quiet
    "$PY" -c 'import socket, sys
s = socket.socket(); sys.exit(s.connect_ex(("127.0.0.1", int(sys.argv[1]))) != 0)' \
        "$free" && state=forward || state=cancel
    [ $state = $what ] || wrong "after $what the port is as after $state"
done

it "but not where the command line names a path"
for own in "-S $W/run/none" "-o ControlPath=$W/run/none"; do
    run 20 "$login" $own -O check pam
    want_rc 255
    want_err "Control socket connect($W/run/none): No such file"
done

it "connect itself says who takes -O"
run 20 "$connect" -O exit pam
want_rc 255
want_err "type 'authplug ssh -O exit pam'"

it "authplug ssh -O exit ends it, and takes the socket away"
run 20 "$login" -O exit pam
want_rc 0
gone "$pid" || wrong "it is still there"
[ ! -e "$path" ] || wrong "the socket is still there"

it "where none stands -O says so, makes none and asks nothing"
before=$(asked)
run 20 "$login" --plugin "$W/counting" -O check pam
want_rc 255
want_err "authplug ssh: no connection to pam stands: 'authplug connect pam'"
want_one_line
want_nothing_left
[ "$(asked)" = "$before" ] || wrong "the plugin was asked"

it "after that authplug ssh logs in again"
run 20 "$login" --plugin "$W/counting" pam 'echo again'
want_rc 0
want_out_is again
[ "$(asked)" = 3 ] || wrong "the plugin was asked $(asked) times"

# ------------------------------------------------------------------ the place

it "-S says where it is, and authplug ssh finds it there"
run 20 --keep -- "$connect" --plugin "$W/counting" -S "$W/run/mine" pam
want_rc 0
want_out_is "$W/run/mine"
run 20 "$login" --plugin "$W/counting" pam 'echo found'
want_out_is found
[ "$(asked)" = 4 ] || wrong "the plugin was asked $(asked) times"

it "a relative path is where we are, also for what is in the background"
end "$W/run/mine"
run 20 --keep -- sh -c "cd $W/run && exec $connect --plugin $W/counting -S mine pam"
want_rc 0
want_out_is "$W/run/mine"
end "$W/run/mine"
[ ! -e "$W/run/mine" ] || wrong "it left its socket"

it "a socket that nobody serves is replaced"
run 20 --keep -- "$connect" --plugin "$W/counting" -S "$W/run/stale" pam
kill -9 "$(master "$W/run/stale")"
run 20 --keep -- "$connect" --plugin "$W/counting" -S "$W/run/stale" pam
want_rc 0
want $ssh -S "$W/run/stale" pam true
end "$W/run/stale"

it "a path that another host's connection had leads nobody there"
run 20 --keep -- "$connect" --plugin "$W/counting" -S "$W/run/same" pam
end "$W/run/same"
run 20 --keep -- "$connect" --plugin "$W/counting" -S "$W/run/same" jump
want_rc 0
run 20 "$login" --plugin "$W/counting" pam 'echo ${SSH_CONNECTION##* }'
want_out_is "$(sshd_port pam)"
run 20 --keep -- "$connect" --plugin "$W/counting" -S "$W/run/same" pam
want_rc 255
want_err "a connection to another host or user is at $W/run/same"
end "$W/run/same"

it "a second path is a second name of the same connection"
before=$(asked)
run 20 --keep -- "$connect" --plugin "$W/counting" pam
first=$(cat "$W/out")
run 20 --keep -- "$connect" --plugin "$W/counting" -S "$W/run/second" pam
want_rc 0
want_out_is "$W/run/second"
[ "$(asked)" = $((before + 1)) ] || wrong "$(($(asked) - before)) dialogues"
[ "$(master "$first")" = "$(master "$W/run/second")" ] || wrong "they are two"
run 20 $ssh -S "$W/run/second" -O exit pam
n=0
while [ -e "$first" ] && [ $n -lt 100 ]; do sleep 0.05; n=$((n + 1)); done
[ ! -e "$first" ] || wrong "the first name is still there"
rm -f "$W/run/second"

it "a file that is no socket is left alone"
echo precious >"$W/run/file"
run 20 --keep -- "$connect" --plugin "$W/counting" -S "$W/run/file" pam
want_rc 255
want_err "authplug connect: $W/run/file is another user's, or no socket"
[ "$(cat "$W/run/file")" = precious ] || wrong "it is gone"

# who.py SAYS PATH - somebody else at a socket.
cat >"$W/who.py" <<'END'
import os, socket, sys, time
says, path = sys.argv[1:3]
s = socket.socket(socket.AF_UNIX)
s.bind(path + ".new")
s.listen(0 if says == "full" else 8)
os.rename(path + ".new", path)
said = {"nothing": b"", "nonsense": b"\xff" * 64, "huge": b"\x7f\0\0\0x",
        "short": b"\0\0\0\x02ab", "half": b"\0\0\0\x08\0\0",
        "old": b"\0\0\0\x08\0\0\0\x01\0\0\0\x03",
        "hello": b"\0\0\0\x08\0\0\0\x01\0\0\0\x04"}
kept = []
while says == "full":
    time.sleep(60)
while True:
    c, _ = s.accept()
    kept.append(c)
    try:
        c.sendall(said[says])
    except OSError:
        pass
END
for says in nothing nonsense huge short half old hello full; do
    it "a socket at which somebody says $says is not used, and left alone"
    "$PY" "$W/who.py" $says "$W/run/$says" &
    who=$!
    servers="$servers $who"
    await "$W/run/$says"
    if [ $says = full ]; then
        "$PY" -c 'import socket, sys, time
s = [socket.socket(socket.AF_UNIX) for i in range(9)]
for one in s:
    one.setblocking(False)
    try: one.connect(sys.argv[1])
    except BlockingIOError: pass
time.sleep(60)' "$W/run/$says" &
        servers="$servers $!"
        sleep 0.3
    fi
    before=$(asked)
    run 20 --keep -- "$connect" --plugin "$W/counting" -S "$W/run/$says" pam
    want_rc 255
    want_within 6000
    want_err "what serves $W/run/$says does not answer"
    [ "$(asked)" = "$before" ] || wrong "there was a dialogue all the same"
    [ -S "$W/run/$says" ] || wrong "it is gone"
    kill $who
    rm "$W/run/$says"
done

it "a place where others can put something is refused"
mkdir -m 777 "$W/open"
run 20 --keep -- "$connect" --plugin "$W/counting" -S "$W/open/s" pam
want_rc 255
want_err "is not in a directory where only you can make it"

it "a path that is too long is refused"
run 20 --keep -- "$connect" -S "$W/run/$(printf '%0100d' 0)" pam
want_rc 255
want_err "too long"

it "two at once make one connection"
before=$(asked)
run 30 --keep -- sh -c "$connect --plugin $W/counting pam >$W/p1 & \
    $connect --plugin $W/counting pam >$W/p2; wait"
want cmp "$W/p1" "$W/p2"
[ "$(asked)" = $((before + 1)) ] || wrong "$(($(asked) - before)) dialogues"
end "$(cat "$W/p1")"

it "a path that cannot be printed is an error, and the connection stands"
run 20 --keep -- sh -c "$connect --plugin $W/counting pam >&-"
want_rc 255
want_err "the connection stands, but its path cannot be printed: Bad file desc"
run 20 --keep -- sh -c "$connect --quiet pam >&-"
want_rc 0
want_quiet
run 20 "$login" -O exit pam
want_rc 0
for words in --help --version; do
    run 20 sh -c "'$BUILD/authplug' connect $words >&-"
    want_rc 255
    want_err "cannot write to standard output"
done

it "a wrong answer leaves nothing behind, and says why"
run 20 --keep -- "$connect" --plugin "'$hello' wrong" pam
want_rc 255
want_out_none
want_err_like '^authplug connect: .+: .+'
want_nothing_left

# ------------------------------------------------------------------- its end

it "ends when nobody has used it for ControlPersist"
run 20 --keep -- "$connect" --plugin "$W/counting" -o ControlPersist=2 pam
path=$(cat "$W/out")
pid=$(master "$path")
run 20 $ssh -S "$path" pam 'sleep 3; echo done'
want_out_is done
kill -0 "$pid" 2>/dev/null || wrong "it did not wait for the session's end"
gone "$pid" || wrong "it is still there"
want_nothing_left

it "the time in which somebody is there does not count"
run 20 --keep -- "$connect" --plugin "$W/counting" -o ControlPersist=2 pam
path=$(cat "$W/out")
run 20 $ssh -S "$path" pam 'sleep 3'
run 20 $ssh -S "$path" -O check pam
want_rc 0
end "$path"

it "what asyncssh serves is kept, too, while it answers"
# its answers to requests are not those of sshd
asyncssh_start rounds
cat "$W/srv/server_key.pub" | sed "s/^/[127.0.0.1]:$(port rounds) /" \
    >>"$W/known_hosts"
printf 'Host rounds\n    HostName 127.0.0.1\n    Port %s\n' "$(port rounds)" \
    >>"$W/hosts"
run 20 --keep -- "$connect" --plugin "'$hello' stoat weasel" \
    -o ServerAliveInterval=1 -o ServerAliveCountMax=2 rounds
want_rc 0
path=$(cat "$W/out")
sleep 4
run 20 $ssh -S "$path" -O check rounds
want_rc 0
end "$path"

it "--foreground stays until it is ended"
"$connect" --foreground --plugin "$W/counting" pam >"$W/fg" 2>"$W/fg.err" &
front=$!
n=0
until [ -s "$W/fg" ]; do n=$((n + 1)); [ $n -lt 200 ] || break; sleep 0.05; done
want $ssh -S "$(cat "$W/fg")" pam true
kill "$front"
wait "$front"
[ $? = 0 ] || wrong "its exit status is not 0"
[ ! -e "$(cat "$W/fg")" ] || wrong "it left its socket"

it "--foreground waits for one that stands as well"
run 20 --keep -- "$connect" --plugin "$W/counting" pam
path=$(cat "$W/out")
"$connect" --foreground --plugin "$W/counting" pam >"$W/fg3" &
front=$!
sleep 1
kill -0 $front || wrong "it did not wait"
[ "$(cat "$W/fg3")" = "$path" ] || wrong "it printed another path"
end "$path"
wait $front
[ $? = 0 ] || wrong "its exit status is not 0"

it "what is killed with --foreground or -N leaves no connection"
for how in "$connect --foreground -S $W/run/held" \
    "$login -N -S none"; do
    $how --plugin "$W/counting" pam >/dev/null &
    front=$!
    sleep 1.5
    kill -KILL $front
    wait $front 2>/dev/null
    n=0
    while [ -n "$(find "$W/run" -type s)" ] && [ $n -lt 60 ]; do
        sleep 0.05; n=$((n + 1)); done
    want_nothing_left
done

it "a relay and a proxy end with the connection"
"$login" --timeout 2 --plugin "$W/counting" -o ProxyCommand='trap "" HUP; sleep 77' \
    pam true 2>/dev/null
n=0
while pgrep -f "^sleep 77" >/dev/null && [ $n -lt 60 ]; do
    sleep 0.05; n=$((n + 1)); done
! pgrep -f "^sleep 77" >/dev/null || wrong "the proxy is still there"

it "--foreground says so when the connection is lost"
"$connect" --foreground --plugin "$W/counting" pam >"$W/fg" 2>"$W/fg.err" &
front=$!
: >"$W/fg"
n=0
until [ -s "$W/fg" ]; do n=$((n + 1)); [ $n -lt 200 ] || break; sleep 0.05; done
pkill -KILL -P "$(pgrep -f "sshd-one -D -e -f $W/pam/conf" | head -n 1)"
wait "$front"
[ $? = 255 ] || wrong "its exit status is not 255"
grep -q 'the connection to the server is lost' "$W/fg.err" ||
    wrong "it did not say so"

it "a server that does not answer any more is given up"
"$connect" --foreground --plugin "$W/counting" -o ServerAliveInterval=1 \
    -o ServerAliveCountMax=2 pam >"$W/fg2" 2>"$W/fg.err" &
front=$!
n=0
until [ -s "$W/fg2" ]; do n=$((n + 1)); [ $n -lt 200 ] || break; sleep 0.05; done
server=$(pgrep -P "$(pgrep -f "sshd-one -D -e -f $W/pam/conf" | head -n 1)")
sleep 3 # while the server answers it goes on
want $ssh -S "$(cat "$W/fg2")" pam true
# shellcheck disable=SC2086
kill -STOP $server
began=$(date +%s)
wait "$front"
[ $? = 255 ] || wrong "its exit status is not 255"
took=$(($(date +%s) - began))
{ [ $took -ge 2 ] && [ $took -le 6 ]; } || wrong "it took $took s"
kill -KILL $server
grep -q 'the connection to the server is lost' "$W/fg.err" ||
    wrong "it did not say so"

it "where one session is allowed, one comes after the other"
run 20 --keep -- "$connect" --plugin "$W/counting" single
path=$(cat "$W/out")
for i in 1 2 3 4; do
    run 20 $ssh -o ProxyCommand=false -S "$path" single "exit $i"
    want_rc $i
    want_quiet
done
end "$path"

it "a channel that was opened ahead, and that the server closed, is no session"
run 20 --keep -- "$connect" --plugin "$W/counting" hasty
path=$(cat "$W/out")
for i in 1 2; do
    sleep 4
    run 20 $ssh -o ProxyCommand=false -S "$path" hasty "exit $i"
    want_rc $i
    want_quiet
done
end "$path"

it "sessions beyond MaxSessions are refused with a reason"
run 20 --keep -- "$connect" --plugin "$W/counting" small
path=$(cat "$W/out")
run 30 sh -c "$ssh -S $path small 'sleep 4' & $ssh -S $path small 'sleep 4' &
    sleep 1; $ssh -S $path -o ProxyCommand=false small true; echo \$?; wait"
want_err "the server refused another session"
want_out_is 255
end "$path"

# --------------------------------------------------------------- ControlMaster

it "authplug ssh shares its connection as ControlMaster auto says"
before=$(asked)
run 20 --keep -- "$login" --plugin "$W/counting" shared 'echo one'
want_out_is one
run 20 --keep -- "$login" --plugin "$W/counting" shared 'echo two'
want_out_is two
run 20 $ssh -o ProxyCommand=false shared 'echo three'
want_out_is three
[ "$(asked)" = $((before + 1)) ] || wrong "$(($(asked) - before)) dialogues"

it "and ends it as ControlPersist says"
n=0
while ls "$W/run" | grep -q '^shared-' && [ $n -lt 120 ]; do
    sleep 0.1; n=$((n + 1)); done
want_nothing_left

# -------------------------------------------------------------------- a proxy

it "a jump's ssh outlives the terminal's interrupts"
proxy_program
run 20 --keep --pty -- "$connect" --plugin "$W/counting" \
    -o "ProxyCommand=$W/through 127.0.0.1 $(sshd_port pam)" \
    -S "$W/run/proxied" pam
want_rc 0
pkill -INT -f "^$PY $W/through"
pkill -HUP -f "^$PY $W/through"
pkill -TSTP -f "^$PY $W/through"
want $ssh -S "$W/run/proxied" pam true
end "$W/run/proxied"

it "a proxy's standard error does not hold a pipe open"
cat >"$W/talking" <<END
#!/bin/sh
echo from the proxy >&2
exec "$W/through" 127.0.0.1 $(sshd_port pam)
END
chmod +x "$W/talking"
run 20 --keep -- sh -c "$connect --plugin $W/counting -S $W/run/piped \
    -o ProxyCommand=$W/talking pam 2>&1 | cat"
want_rc 0
want_out "from the proxy"
want_within 10000
end "$W/run/piped"

# ------------------------------------------------------------------- forwards

# answers PORT WORD - a server that says a word, for once.
"$PY" -c 'import socket, sys
s = socket.socket()
s.bind(("127.0.0.1", 0))
s.listen(9)
print(s.getsockname()[1], flush=True)
while True:
    c = s.accept()[0]
    c.sendall(b"a word\n")
    c.close()' >"$W/word.port" &
servers="$servers $!"
n=0
until [ -s "$W/word.port" ]; do n=$((n + 1)); [ $n -lt 200 ] || break; sleep 0.05; done
word=$(cat "$W/word.port")
hear () {
    "$PY" -c 'import socket, sys
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 5)
print(s.makefile().read(), end="")' "$1"
}

it "the forwards of authplug ssh are there while its command runs"
port=$(free_port)
run 20 "$login" -S none -L "$port:127.0.0.1:$word" --plugin "$W/counting" pam \
    "$PY -c 'import socket; print(socket.create_connection((\"127.0.0.1\", $port), 5).makefile().read(), end=\"\")'"
want_rc 0
want_out_is "a word"
want_quiet
want_nothing_left

it "authplug ssh -N is there for its forwards"
port=$(free_port)
"$login" -N -L "$port:127.0.0.1:$word" --plugin "$W/counting" pam &
bare=$!
n=0
until [ "$(hear "$port" 2>/dev/null)" = "a word" ] || [ $n -gt 100 ]; do
    n=$((n + 1)); sleep 0.1; done
[ $n -le 100 ] || wrong "nothing was heard"
kill $bare
wait $bare
want_nothing_left

it "a forward that cannot be had is said, and ends it only if it is to"
run 20 "$login" -S none -L "$word:127.0.0.1:1" --plugin "$W/counting" pam 'echo on'
want_rc 0
want_out_is on
want_err "forwarding request failed"
run 20 "$login" -S none -o ExitOnForwardFailure=yes -L "$word:127.0.0.1:1" \
    --plugin "$W/counting" pam 'echo on'
want_rc 255
want_out_none
want_nothing_left

it "those of connect are there as long as it is, and -O cancel ends one"
port=$(free_port)
run 20 --keep -- "$connect" --plugin "$W/counting" -S "$W/run/f" \
    -L "$port:127.0.0.1:$word" pam
want_rc 0
[ "$(hear "$port")" = "a word" ] || wrong "nothing was heard"
run 20 $ssh -S "$W/run/f" -O cancel -L "$port:127.0.0.1:$word" pam
want_rc 0
want_not hear "$port"
back=$(free_port)
run 20 $ssh -S "$W/run/f" -O forward -R "$back:127.0.0.1:$word" pam
want_rc 0
[ "$(hear "$back")" = "a word" ] || wrong "nothing was heard through -R"

it "-O stop lets go of the place, and what runs goes on"
$ssh -S "$W/run/f" pam 'sleep 2; echo to the end' >"$W/goes" &
going=$!
sleep 0.5
run 20 $ssh -S "$W/run/f" -O stop pam
want_rc 0
[ ! -e "$W/run/f" ] || wrong "the socket is still there"
wait $going
[ "$(cat "$W/goes")" = "to the end" ] || wrong "the session was cut"

it "the agent goes along where it is to"
eval "$(ssh-agent)" >/dev/null
agent_pid=$SSH_AGENT_PID
servers="$servers $agent_pid"
ssh-add -q "$W/user_key"
run 20 "$login" -S none -A -o IdentityAgent=SSH_AUTH_SOCK --plugin "$W/counting" \
    pam 'ssh-add -L'
want_rc 0
want_out "ssh-ed25519"
run 20 "$login" -S none --plugin "$W/counting" pam 'ssh-add -L'
want_rc 2
unset SSH_AUTH_SOCK SSH_AGENT_PID

# ------------------------------------------------------------------ dead paths

it "a second path that leads to nobody any more is taken away"
run 20 --keep -- "$connect" --plugin "$W/counting" -S "$W/run/one" pam
run 20 --keep -- "$connect" --plugin "$W/counting" -S "$W/run/two" pam
kill -9 "$(master "$W/run/one")"
[ -L "$W/run/two" ] || wrong "there is no second path"
run 20 --keep -- "$connect" --plugin "'$hello' wrong" -S "$W/run/two" pam
want_rc 255
[ ! -L "$W/run/two" ] || wrong "it is still there"
rm -f "$W/run/one"
want_nothing_left

# ------------------------------------------------------------------ misuse

it "a command is one word too many"
run 20 --keep -- "$connect" pam true
want_rc 255
want_err "authplug connect: no command is run here"

it "--help and --version"
run 20 "$connect" --help
want_rc 0
want_out "usage: authplug connect"
run 20 --keep -- "$connect" --version
want_rc 0

finish
