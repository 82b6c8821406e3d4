#!/bin/sh
# Tools that people run on a connection of authplug connect, or with authplug-ssh
# for their ssh, and what goes wrong on the way.
# shellcheck disable=SC2016,SC2034,SC2086,SC2154
. "${0%/*}/lib.sh"
need ssh openssh-client
need ansible ansible-core
need sha256sum coreutils
need_built examples/hello
. "$E2E/sshd.sh"
login_program

client_config
sshd_start pam
sshd_start jump

answer="'$hello' '$password'"
ssh="ssh -F $W/ssh_config"
megabytes=200
[ "${CI:-}" != true ] || megabytes=1000
cat >"$W/counting" <<END
#!/bin/sh
echo asked >>"$W/asked"
exec $answer
END
chmod +x "$W/counting"
: >"$W/asked"
asked () { wc -l <"$W/asked" | tr -d ' '; }

master () {
    $ssh -S "$1" -O check x 2>&1 | sed -n 's/.*pid=\([0-9]*\).*/\1/p'
}
# stand PATH [OPTION]... - a connection to pam, there
stand () {
    path=$1
    shift
    "$BUILD/authplug" connect -F "$W/ssh_config" --plugin "$W/counting" \
        --quiet -S "$path" "$@" pam || wrong "no connection"
}
end () {
    pid=$(master "$1")
    [ -z "$pid" ] || kill "$pid"
    n=0
    while [ -e "$1" ] && [ $n -lt 100 ]; do sleep 0.05; n=$((n + 1)); done
}
end_all () {
    for s in $(find "$W/run" -type s); do end "$s"; done
    cleanup
}
trap end_all EXIT
within_seconds () {
    n=$(($1 * 20))
    shift
    until "$@" 2>/dev/null; do
        n=$((n - 1))
        [ $n -gt 0 ] || return 1
        sleep 0.05
    done
}
is_gone () { ! kill -0 "$1" 2>/dev/null; }

C=$W/run/c
stand "$C"
over="$ssh -S $C -o ProxyCommand=false pam"

# ---------------------------------------------------------------------- ansible

cat >"$W/hosts.ini" <<END
pam ansible_ssh_common_args='-F $W/ssh_config' ansible_python_interpreter=$PY
END
ansible="env ANSIBLE_HOME=$W/home/.ansible ANSIBLE_LOCAL_TEMP=$W/tmp \
    ANSIBLE_REMOTE_TEMP=$W/tmp/remote ANSIBLE_SSH_CONTROL_PATH_DIR=$W/run/cp \
    ANSIBLE_NOCOLOR=1 AUTHPLUG_PLUGIN=$W/counting ansible -i $W/hosts.ini pam"

it "ansible logs in once for all its tasks, with authplug-ssh for its ssh"
: >"$W/asked"
run 60 --keep -- $ansible -e ansible_ssh_executable="$BUILD/authplug-ssh" -m ping
want_rc 0
want_out '"ping": "pong"'
echo some text >"$W/copied.txt"
run 60 --keep -- $ansible -e ansible_ssh_executable="$BUILD/authplug-ssh" \
    -m copy -a "src=$W/copied.txt dest=$W/copied.there"
want_rc 0
want cmp "$W/copied.txt" "$W/copied.there"
[ "$(asked)" -le 1 ] || wrong "$(asked) dialogues"

it "ansible with stock ssh uses a connection that stands"
: >"$W/asked"
run 60 --keep -- $ansible -e ansible_control_path="$C" -m ping
want_rc 0
want_out '"ping": "pong"'
[ "$(asked)" = 0 ] || wrong "$(asked) dialogues"

# ------------------------------------------------------------------- much data

it "$megabytes MB come back unchanged, each way"
sum='sha256sum | cut -c1-64'
data="openssl enc -aes-128-ctr -nosalt -pass pass:x -in /dev/zero 2>/dev/null |
    head -c ${megabytes}M"
sh -c "$data | $sum" >"$W/sum"
run 240 sh -c "$data | $over 'cat | $sum'"
want_rc 0
want cmp "$W/out" "$W/sum"
run 240 sh -c "$over '$data' | $sum"
want_rc 0
want cmp "$W/out" "$W/sum"

it "a reader that has stalled stops nobody else"
# shellcheck disable=SC2024
$over 'head -c 100M /dev/zero' | { sleep 4; wc -c >"$W/slow"; } &
slow=$!
sleep 0.5
for i in 1 2 3; do
    run 20 $over "echo $i"
    want_rc 0
    want_within 2000
done
wait "$slow"
[ "$(tr -d ' ' <"$W/slow")" = 104857600 ] || wrong "it got $(cat "$W/slow")"

it "a full disk on the other side is an error, not a wait"
run 30 sh -c "head -c 20M /dev/zero | $over 'cat >/dev/full'"
want_rc 1
want_err "No space left"
run 30 sh -c "head -c 20M /dev/zero | $over 'dd of=/dev/full 2>&1; echo still'"
want_out still

it "a session that is suspended resumes, and holds nobody up meanwhile"
$over 'for i in 1 2 3 4 5 6; do echo $i; sleep 0.3; done' >"$W/steps" &
client=$!
sleep 0.6
kill -STOP $client
run 20 $over 'echo on'
want_out_is on
want_within 2000
sleep 1
kill -CONT $client
wait $client
[ "$(tail -n 1 "$W/steps")" = 6 ] || wrong "it did not resume"

# ------------------------------------------------------------- who is killed

it "a client that is killed ends its command, and nothing else"
$over 'echo $$ >'"$W/remote"'; exec sleep 60' &
client=$!
within_seconds 5 test -s "$W/remote"
other=$(mktemp)
$over 'sleep 1; echo lives' >"$other" &
waiting=$!
kill -KILL $client
within_seconds 10 is_gone "$(cat "$W/remote")" || true
wait $waiting
grep -q lives "$other" || wrong "the other session went, too"
rm -f "$other"

it "a master that is killed ends its sessions at once, with 255"
stand "$W/run/k"
$ssh -S "$W/run/k" -o ProxyCommand=false pam 'sleep 30' 2>"$W/err" &
client=$!
sleep 0.5
kill -KILL "$(master "$W/run/k")"
began=$(date +%s)
wait $client
[ $? = 255 ] || wrong "the exit status is not 255"
[ $(($(date +%s) - began)) -le 3 ] || wrong "it took long"

it "what is killed in the middle of a login leaves nothing in the way"
for when in start init protocol request outcome; do
    "$BUILD/authplug" connect -F "$W/ssh_config" \
        --plugin "$(hostile_alone $when:sleep=30 -- "$password")" \
        -S "$W/run/k2" pam >/dev/null 2>&1 &
    login_pid=$!
    sleep 0.7
    kill -KILL $login_pid || wrong "$when: it was not there any more"
    wait $login_pid 2>/dev/null
done
stand "$W/run/k2"
want $ssh -S "$W/run/k2" pam true
end "$W/run/k2"
n=$(find "$W/run" -name 'k2*' | wc -l)
[ "$n" = 0 ] || wrong "left: $(ls "$W/run")"

it "a server process that is killed ends the connection, and says so"
stand "$W/run/k3"
$ssh -S "$W/run/k3" -o ProxyCommand=false pam 'echo $PPID >'"$W/session"'; sleep 30' \
    2>"$W/err" &
client=$!
within_seconds 5 test -s "$W/session"
kill -KILL "$(cat "$W/session")"
wait $client
[ $? = 255 ] || wrong "the exit status is not 255"
grep -q "^authplug connect: the connection to the server is lost: connect again" \
    "$W/err" || wrong "not said"
within_seconds 5 test ! -e "$W/run/k3" || wrong "the socket is still there"

# ------------------------------------------------------------------ jump chain

cat >"$W/chain" <<END
Include $W/ssh_config
Match originalhost pam,jump exec "$BUILD/authplug connect --if-needed -F $W/chain -S $W/run/ap-%n-%C -l %r -p %p %n"
    ControlPath $W/run/ap-%n-%C
    ProxyCommand $BUILD/authplug no-connection
END
it "a chain of two is brought up on demand, with a dialogue for each"
: >"$W/asked"
cat >>"$W/hosts" <<END
Host behind
    HostName 127.0.0.1
    Port $(sshd_port pam)
    ProxyCommand ssh -F $W/chain -W %h:%p jump
END
run 30 --keep -- env AUTHPLUG_PLUGIN="$W/counting" "$BUILD/authplug" ssh \
    -F "$W/chain" behind 'echo through'
want_rc 0
want_out_is through
[ "$(asked)" = 2 ] || wrong "$(asked) dialogues"
for s in "$W"/run/ap-*; do end "$s"; done

it "authplug ssh is the jump of stock ssh"
run 30 env AUTHPLUG_PLUGIN="$W/counting" $ssh -o PreferredAuthentications=none \
    -o "ProxyCommand=$login -W 127.0.0.1:$(sshd_port pam) jump" pam true
want_rc 255
want_err "Permission denied"

end "$C"
finish
