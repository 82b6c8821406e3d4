#!/bin/sh
# One-time codes of authplug answer against a real sshd with pam_oath: each is
# right, and none is used twice, whoever logs in at once and whoever is killed.
# shellcheck disable=SC2016 # dollars are the rules'
. "${0%/*}/lib.sh"
need ssh openssh-client
need plink putty-tools
need_built tests/kill_shim.so
. "$E2E/sshd.sh"
login_program
for f in /usr/lib/*/security/pam_oath.so /lib/*/security/pam_oath.so; do
    [ ! -e "$f" ] || pam_oath=$f
done
[ -n "${pam_oath:-}" ] || skip_all "pam_oath.so (Debian: libpam-oath)"
for f in /usr/lib/*/faketime/libfaketime.so.1; do
    [ ! -e "$f" ] || faketime=$f
done
[ -n "${faketime:-}" ] || skip_all "libfaketime.so.1 (Debian: libfaketime)"

# --------------------------------------------------------------------- servers

# secret NAME TYPE - a new one, which nobody has used: $W/NAME.base32 for us,
# $W/NAME.users for pam_oath.
secret () {
    od -An -N20 -tx1 /dev/urandom | tr -d ' \n' >"$W/$1.hex"
    "$PY" -c 'import base64, sys
print(base64.b32encode(bytes.fromhex(sys.argv[1])).decode())' \
        "$(cat "$W/$1.hex")" >"$W/$1.base32"
    echo "$2 $me - $(cat "$W/$1.hex")" >"$W/$1.users"
    : >"$W/$1.sent"
}

# service NAME TYPE WINDOW [FIRST LINE] - one that wants the codes of its
# secret. pam_oath keeps the time of the machine; what logins with a faster
# clock send is in its window.
service () {
    secret "$1" "$2"
    cat >"$W/pam.d/sshd-$1" <<END
${4:-}
auth required $pam_oath usersfile=$W/$1.users window=$3
account required pam_permit.so
session required pam_permit.so
END
    ln -s /usr/sbin/sshd "$W/sbin/sshd-$1"
    sshd_start "$1" service="sshd-$1"
}

client_config
pam_services
service thirty HOTP/T30/6 40
service sixty HOTP/T60/8 40
service counter HOTP 20
# a code that comes before the one that is due is not taken here
service strict HOTP 1
service both HOTP/T30 40 \
    "auth required $modules/pam_matrix.so passdb=$W/passdb"

mkdir -p "$W/putty/sessions"
PUTTYDIR=$W/putty
export PUTTYDIR

# ---------------------------------------------------------------------- logins

# answers NAME BLOCK [LINE]... - rules for the service, in $W/NAME.answers.
answers () {
    n=$1 block=$2
    shift 2
    {
        echo 'Host *'
        echo '    Request "One-time password [(]OATH[)] for .*:"'
        echo "    Response \$$(echo "$block" | tr TH th):$n\$"
        echo '    Request "Password:"'
        echo "    Response \"$password\""
        echo "$block $n"
        echo "    Secret $(cat "$W/$n.base32")"
        [ $# = 0 ] || printf '    %s\n' "$@"
    } >"$W/$n.answers"
}
answers thirty Totp
answers sixty Totp "Period 60" "Digits 8"
answers both Totp
answers counter Hotp
answers strict Hotp

# plugin NAME LOGIN [VARIABLE=VALUE]... - a command line that answers by these
# rules; its process is noted in $W/LOGIN.pid, what it sends in $W/NAME.sent.
plugin () {
    n=$1 as=$2
    shift 2
    cat >"$W/$as.sh" <<END
sh -c 'echo \$\$ >$W/$as.pid
exec env $* "$BUILD/authplug" answer --config "$W/$n.answers"' |
    tee -a "$W/$n.sent"
END
    echo "exec sh $W/$as.sh"
}

# a clock that is 25 times as fast, of the plugin only
fast="LD_PRELOAD=$faketime FAKETIME=\"+0 x25\""
# strike CALL NUMBER WHEN SIGNAL - see kill_shim.c
strike () {
    echo "LD_PRELOAD=$BUILD/tests/kill_shim.so KILL_SHIM=\"$*\""
}

# Until a window has some seconds to go, for what is to be in one.
calm () {
    while [ $(($(date +%s) % 30)) -gt 25 ]; do sleep 0.1; done
}

# enter NAME [VARIABLE=VALUE]... - a login that should succeed.
enter () {
    name=$1
    shift
    line=$(plugin "$name" one "$@")
    run 20 "$login" --plugin "$line" "$name" 'echo in'
    want_rc 0
    want_out_is in
    want_nothing_left
}

# begin NAME LOGIN [VARIABLE=VALUE]... - one in the background; end LOGIN waits.
begin () {
    line=$(plugin "$@")
    rm -f "$W/$2.pid"
    : >"$W/$2.err" # it is looked into before it may have been opened
    "$login" --plugin "$line" "$1" 'echo in' >"$W/$2.out" 2>"$W/$2.err" &
    eval "began_$2=$!"
}
end () {
    eval "wait \$began_$1"
}

# want_entered LOGIN
want_entered () {
    end "$1" || wrong "$1 ended with $?: $(cat "$W/$1.err")"
    [ "$(cat "$W/$1.out")" = in ] || wrong "$1 did not get in"
}

# The codes that a service was sent, in order.
sent () {
    LC_ALL=C grep -aoP '\x00[\x06\x08]\K[0-9]{6,8}' "$W/$1.sent"
}

# want_sent NAME N - so many codes, each another.
want_sent () {
    [ "$(sent "$1" | wc -l)" = "$2" ] ||
        wrong "not $2 codes were sent: $(sent "$1")"
    [ -z "$(sent "$1" | sort | uniq -d)" ] || wrong "a code was sent twice"
}

fresh () {
    : >"$W/$1.sent"
}

# await_sent NAME N - until so many codes were sent.
await_sent () {
    n=0
    until [ "$(sent "$1" | wc -l)" = "$2" ]; do
        n=$((n + 1))
        [ "$n" -lt 250 ] || { wrong "not $2 codes were sent"; return; }
        sleep 0.02
    done
}

# ------------------------------------------------------------------------ TOTP

it "a code by time lets in"
calm
enter thirty
want_quiet
want_sent thirty 1
want_sshd_log thirty "Accepted keyboard-interactive/pam for $me"

it "the next login waits for the next window, and says for how long"
enter thirty "$fast"
want_err_like 'plugin\| waiting [0-9]+ s for the next code of thirty'
want_sent thirty 2
want_within 10000

it "the same with codes of eight digits that last a minute, in plink"
cat >"$W/putty/sessions/sixty" <<END
Protocol=ssh
HostName=127.0.0.1
PortNumber=$(sshd_port sixty)
TryAgent=0
AuthPlugin=$(plugin sixty one "$fast")
END
calm
for waits in false true; do
    run 20 plink -batch -load sixty -l "$me" -hostkey \
        "$(ssh-keygen -lf "$W/ed25519" | cut -d' ' -f2)" 'echo in'
    want_rc 0
    want_out_is in
    [ "$waits" = false ] ||
        want_err_like 'waiting [0-9]+ s for the next code of sixty'
    want_nothing_left
done
want_sent sixty 2

it "a password and a code in one login"
enter both
want_quiet
want_sent both 1

it "logins at once with one secret all get in, each with its code"
secret thirty HOTP/T30/6
answers thirty Totp
# the third waits for up to 60 s of its own, and may wait for 90
for n in 1 2 3; do begin thirty "l$n" "$fast"; done
for n in 1 2 3; do want_entered "l$n"; done
want_sent thirty 3

it "a clock that was ahead for a login is named by the next, at once"
fresh sixty
line=$(plugin sixty one "LD_PRELOAD=$faketime FAKETIME=+240")
run 20 "$login" --plugin "$line" sixty 'echo in'
want_rc 0
line=$(plugin sixty one)
run 20 "$login" --batch --plugin "$line" sixty 'echo in'
want_rc 255
want_err_like "this machine's clock says [0-9:]{8}, but the codes of sixty"
want_within 5000
want_sent sixty 1
want_nothing_left

# ------------------------------------------------------------------------ HOTP

it "codes by a counter let in, in their order"
for n in 1 2 3; do
    enter strict
    want_quiet
done
want_sent strict 3

it "so they do of logins at once, to a server that takes the next one only"
fresh strict
for n in 1 2 3 4 5; do begin strict "l$n"; done
for n in 1 2 3 4 5; do want_entered "l$n"; done
want_sent strict 5
# seven counters were passed, none of them in vain
want [ "$(cut -f5 "$W/strict.users")" = 7 ]

# --------------------------------------------------------------------- kill -9

# killed NAME SENT [VARIABLE=VALUE]... - a login whose plugin is killed there,
# and has sent so many codes; the next one gets in, with another code.
killed () {
    name=$1 count=$2
    shift 2
    fresh "$name"
    line=$(plugin "$name" one "$@")
    run 20 "$login" --batch --plugin "$line" "$name" 'echo in'
    [ -e "/proc/$(cat "$W/one.pid")" ] && wrong "the plugin was not killed"
    want_sent "$name" "$count"
    want_nothing_left
    if [ "$name" = counter ]; then enter "$name"; else enter "$name" "$fast"; fi
    want_sent "$name" $((count + 1))
    # a lock that is left behind would be waited for, for ten seconds
    want_within 6000
}

enter counter
for when in "fsync 1 before|0|before its record is written" \
    "renameat 1 before|0|while it is" "renameat 1 after|0|after it" \
    "fsync 2 before|0|before that is on the disk" \
    "write 4 before|0|before its code is sent" "write 4 after|1|after that"; do
    rest=${when#*|}
    it "by a counter, one who is killed ${rest#*|} leaves no code and no lock"
    # shellcheck disable=SC2046 # words
    killed counter "${rest%%|*}" "$(strike ${when%%|*} 9)"
done

for when in "renameat 1 before|0|before its record is written" \
    "write 4 before|0|before its code is sent" "write 4 after|1|after that"; do
    rest=${when#*|}
    it "by time, one who is killed ${rest#*|} leaves no code and no lock"
    secret thirty HOTP/T30/6
    answers thirty Totp
    # shellcheck disable=SC2046 # words
    killed thirty "${rest%%|*}" "$(strike ${when%%|*} 9)"
done

# kill_one LOGIN - kills its plugin, and waits for the login's end.
kill_one () {
    kill -9 "$(cat "$W/$1.pid")"
    if end "$1"; then wrong "$1 got in"; fi
}

# await_text LOGIN TEXT - on its standard error.
await_text () {
    n=0
    until grep -qF -- "$2" "$W/$1.err"; do
        n=$((n + 1))
        [ "$n" -lt 250 ] || { wrong "$1 did not say: $2"; return; }
        sleep 0.02
    done
}

it "one who is killed while waiting for the next window leaves no code"
secret thirty HOTP/T30/6
answers thirty Totp
calm
enter thirty
begin thirty l1
await_text l1 'for the next code of thirty'
kill_one l1
enter thirty "$fast"
want_sent thirty 2

it "one who is killed while another login has the lock leaves none"
fresh counter
begin counter l1 "$(strike write 4 after 19)"
await_sent counter 1
begin counter l2
await_text l2 'waiting for the end of another login with counter'
kill_one l2
kill_one l1
enter counter
want_sent counter 2
want_within 3000

it "who neither ends nor goes on is waited for no longer than ten seconds"
fresh counter
begin counter l1 "$(strike write 4 after 19)"
await_sent counter 1
begin counter l2 "LD_PRELOAD=$faketime FAKETIME=\"+0 x5\""
sleep 1
[ "$(sent counter | wc -l)" = 1 ] || wrong "nothing was waited for"
want_entered l2
want_sent counter 2
kill_one l1

# ------------------------------------------------------- who goes, who is wrong

# wait_for_code LOGIN... - each waits for a window of its own. "before" is up to
# when codes were used, which waiting does not change.
wait_for_code () {
    secret thirty HOTP/T30/6
    answers thirty Totp
    calm
    enter thirty
    before=$(used)
    for l; do
        begin thirty "$l"
        await_text "$l" 'for the next code of thirty'
    done
    [ "$before" = "$(used)" ] || wrong "a code is used that is waited for"
}

# enter_next - the next login gets the very next code, be the others as they are.
enter_next () {
    enter thirty "$fast"
    s=$(grep -Eo 'waiting [0-9]+ s' "$W/err" | tr -dc 0-9)
    [ "${s:-0}" -le 30 ] || wrong "it waited for $s s"
    want_sent thirty 2
}

# What the newest record says.
used () {
    find "$XDG_STATE_HOME" -name '*.totp' -printf '%T@ %p\n' | sort -n |
        sed -n '$s/[^ ]* //p' | xargs cut -d' ' -f4
}

# want_gone LOGIN - its plugin is, before a second has passed.
want_gone () {
    n=0
    while kill -0 "$(cat "$W/$1.pid")" 2>/dev/null; do
        n=$((n + 1))
        [ "$n" -lt 50 ] || { wrong "the plugin goes on"; return; }
        sleep 0.02
    done
    [ "$before" = "$(used)" ] || wrong "a code is used that nobody has"
}

it "a client that is killed ends the wait for a code, which nobody has then"
wait_for_code l1
kill -9 "$began_l1"
want_gone l1
end l1
rm -rf "$W/run/authplug" # its client's socket

it "so does a signal for the plugin"
wait_for_code l1
kill -TERM "$(cat "$W/l1.pid")"
want_gone l1
if end l1; then wrong "the login did not fail"; fi
want_sent thirty 1

for signal in INT KILL; do
    it "three who wait and are ended by SIG$signal leave the next code to others"
    wait_for_code l1 l2 l3
    for l in l1 l2 l3; do
        kill "-$signal" "$(cat "$W/$l.pid")"
        want_gone "$l"
        if end "$l"; then wrong "$l did not fail"; fi
    done
    enter_next
done

it "a wrong code is sent once, and not again"
secret thirty HOTP/T30/6
sed -i 's/Secret ./Secret A/' "$W/thirty.answers"
line=$(plugin thirty one)
run 20 "$login" --batch --plugin "$line" thirty 'echo in'
want_rc 255
want_sent thirty 1
want_nothing_left

# --------------------------------------------------------------- what is secret

it "the secret is in no command line, environment, message or record meanwhile"
if [ "$(id -u)" = 0 ]; then
    wait_for_code l1
    for pid in $("$PY" -c 'import sys
sys.path.insert(0, sys.argv[1])
import run
print(*run.descendants(int(sys.argv[2])))' "$E2E" $$); do
        cat "/proc/$pid/cmdline" "/proc/$pid/environ" 2>/dev/null
    done >"$W/seen"
    kill -TERM "$(cat "$W/l1.pid")"
    end l1
    # what is there to be seen, or nothing was looked at
    want grep -qa "$W/thirty.answers" "$W/seen"
    want grep -qa "XDG_STATE_HOME=$XDG_STATE_HOME" "$W/seen"
    for text in "$(cat "$W/thirty.base32")" "$(cat "$W/thirty.hex")" \
        "$(sent thirty)" "$password"; do
        want_not grep -qaF "$text" "$W/seen"
        want_not grep -qaF "$text" "$W/l1.err"
        want_not grep -rqaF "$text" "$XDG_STATE_HOME"
    done
else
    lacking root
fi

# What is in the plugin's memory when the dialogue is over, and it still runs.
memory () {
    run 20 "$PY" "$E2E/memory.py" "$@" -- "$BUILD/authplug" answer \
        --config "$W/thirty.answers"
}

# Some bytes of the secret, also as an HMAC has them.
in_memory () {
    "$PY" -c 'import sys
for mask in (0, 0x36, 0x5c):
    print("--hex", bytes(b ^ mask for b in bytes.fromhex(sys.argv[1])).hex())' \
        "$(cat "$W/thirty.hex")"
}

if [ "$(id -u)" = 0 ]; then
    secret thirty HOTP/T30/6
    answers thirty Totp 'Digits 8'
    # a command is read with the rest, and looked at, even if it is not run; of a
    # long one not all is covered by what follows
    # shellcheck disable=SC2016 # a dollar is the rule's
    printf '%s\n' 'Host *' 'Request "Other:"' \
        "Exec echo $(printf 'quillback%.0s' $(seq 400))" \
        'Response "$exec$"' >>"$W/thirty.answers"
    hidden="--lacks quillback --lacks $(cut -c 1-16 "$W/thirty.base32") $(in_memory)"
    for outcome in success failure; do
        it "nothing secret is in the plugin's memory after $outcome"
        rm -rf "$XDG_STATE_HOME"
        # shellcheck disable=SC2086 # words
        memory --has "$W/thirty.answers" $hidden --lacks "$password" --answers \
            --ask "Password: " --ask "One-time password (OATH) for me: " \
            --tell "$outcome"
        want_rc 0
        want_out "$password"
    done
    it "it is there before, or this would look at nothing"
    memory --lacks "$password" --ask "Password: "
    want_rc 1
    want_out "is in [heap]"
    memory --lacks "$(cut -c 1-16 "$W/thirty.base32")" --ask "Password: "
    want_rc 1
else
    it "nothing secret is in the plugin's memory after the outcome"
    lacking root
fi

finish
