#!/bin/sh
# authplug answer and a real keyring, on a bus of its own: $keyring:NAME$, and
# Cache with the word keyring. Nobody is ever asked to unlock it.
# shellcheck disable=SC2016 # dollars are the rules'
. "${0%/*}/lib.sh"
need dbus-daemon dbus-daemon
need dbus-monitor dbus-bin
need gdbus libglib2.0-bin
need secret-tool libsecret-tools
need_built authplug
need_built authplug-keyring
# ./test unpacks it, and does not install it
keyring_daemon=$SRC/build/packages/gnome-keyring/usr/bin/gnome-keyring-daemon
[ -x "$keyring_daemon" ] || keyring_daemon=$(command -v gnome-keyring-daemon) ||
    skip_all "gnome-keyring-daemon (Debian: gnome-keyring)"
authplug=$BUILD/authplug
authplug_keyring=$BUILD/authplug-keyring
XDG_DATA_HOME=$W/home/.local/share XDG_CACHE_HOME=$W/home/.cache
export XDG_DATA_HOME XDG_CACHE_HOME
unset GNOME_KEYRING_CONTROL GNOME_KEYRING_PID DBUS_STARTER_ADDRESS

# A bus that starts nothing by itself.
bus=unix:path=$W/bus
cat >"$W/bus.conf" <<END
<busconfig>
  <type>session</type>
  <listen>$bus</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
END
DBUS_SESSION_BUS_ADDRESS=$bus
export DBUS_SESSION_BUS_ADDRESS
dbus-daemon --nofork --config-file="$W/bus.conf" >"$W/srv/bus" 2>&1 &
servers="$servers $!"
await "$W/bus" || skip_all "a bus: $(cat "$W/srv/bus")"

# What would have a window shown goes over the bus.
dbus-monitor "interface='org.freedesktop.Secret.Prompt'" \
    "interface='org.gnome.keyring.internal.Prompter'" >"$W/prompts" 2>&1 &
servers="$servers $!"

# service METHOD ARGUMENT... - of the keyring.
service () {
    method=$1
    shift
    gdbus call --session --timeout 5 --dest org.freedesktop.secrets \
        --object-path /org/freedesktop/secrets \
        --method "org.freedesktop.Secret.Service.$method" "$@"
}

keyring_start () {
    printf 'the password' | "$keyring_daemon" --foreground --unlock \
        --components=secrets --control-directory="$W/srv/control" \
        >"$W/srv/keyring" 2>&1 &
    daemon=$!
    servers="$servers $daemon"
    n=0
    until service ReadAlias default 2>/dev/null | grep -q collection; do
        n=$((n + 1))
        [ "$n" -lt 250 ] || skip_all "a keyring: $(cat "$W/srv/keyring")"
        sleep 0.02
    done
}

keyring_stop () {
    kill "$daemon"
    wait "$daemon" 2>/dev/null
}

lock () {
    service Lock "['/org/freedesktop/secrets/collection/login']" >/dev/null
}

rules () {
    printf '%s\n' "$@" >"$W/answers"
}

# login [OPTION]... - alice's; nobody types.
login () {
    run 25 "$authplug" try putty --user alice --batch --timeout 20 "$@" -- \
        "$authplug" answer --config "$W/answers"
}

# typed TEXT [OPTION]... - the user does.
typed () {
    words="type:$1\\n"
    shift
    run 25 --pty --on 'plugin| ' "$words" -- "$authplug" try putty \
        --user alice "$@" -- "$authplug" answer --config "$W/answers"
    cat "$W/screen" >"$W/out"
}

want_answer () {
    want_rc 0
    for answer; do want_out "    answer \"$answer\""; done
    want_nothing_left
}

want_asked () {
    want_rc 111
    want_err "the plugin's question was not answered"
    want_not grep -q '^    answer' "$W/out"
    want_nothing_left
}

kept () {
    secret-tool search --all xdg:schema org.authplug.Answer 2>&1
}

keyring_start

# A bus that says nothing; how long it is waited for is seen at the end.
"$PY" -c 'import socket, sys, time
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1])
s.listen()
time.sleep(60)' "$W/mute" &
servers="$servers $!"
await "$W/mute"
rules 'Host *' 'Request "P:"' 'Response $keyring:example$'
cp "$W/answers" "$W/mute.answers"
DBUS_SESSION_BUS_ADDRESS=unix:path=$W/mute "$authplug" try putty --batch \
    --prompt P: -- "$authplug" answer --config "$W/mute.answers" \
    >"$W/mute.try" 2>&1 &
mute_try=$!
DBUS_SESSION_BUS_ADDRESS=unix:path=$W/mute "$authplug_keyring" get example \
    >"$W/mute.get" 2>&1 &
mute_get=$!

# ---------------------------------------------------------------- $keyring$

rules 'Host *' 'Request "P:"' 'Response $keyring:example$' 'Request "Q:"' \
    'Response $keyring:none$' 'Request "C:"' 'Response $hotp:x$' 'Hotp x' \
    'Secret $keyring:seed$'
printf sesame | secret-tool store --label=example authplug example
printf GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ |
    secret-tool store --label=seed authplug seed

it "a secret that is there is found, and one of a code"
login --prompt P:
want_answer sesame
login --prompt C:
want_answer 755224

it "one that is not there is said not to be, with what stores it"
login --prompt Q:
want_asked
want_out "the keyring has nothing under none"
want_out "secret-tool store --label=none authplug none"

it "of one that ends with a newline, as echo stores it, that is no part"
echo sesame | secret-tool store --label=example authplug example
login --prompt P:
want_answer sesame
printf 'sesame\r\nuser: alice\n' |
    secret-tool store --label=example authplug example
login --prompt P:
want_answer sesame

it "what cannot be typed, or is too long, is refused"
printf 'a\033b' | secret-tool store --label=example authplug example
login --prompt P:
want_asked
want_out "the keyring's entry example holds a control character"
printf '\nhunter2\n' | secret-tool store --label=example authplug example
login --prompt P:
want_asked
want_out "the keyring's entry example is empty"
head -c 5000 /dev/zero | tr '\0' x |
    secret-tool store --label=example authplug example
login --prompt P:
want_asked
want_out "the keyring's entry example begins with a line that is too long"
printf sesame | secret-tool store --label=example authplug example

# ------------------------------------------------------------------- Cache

rules 'Host *' 'Request "P:"' 'Cache 60 keyring' 'Response $ask$'

it "what the server took is kept there, and given the next time"
typed stoat --prompt P:
want_answer stoat
login --prompt P:
want_answer stoat
want [ ! -e "$XDG_RUNTIME_DIR/authplug/answers" ]

it "another login's is another"
login --user bob --prompt P:
want_asked

it "its name tells nothing, and the file on the disk is no plain one"
kept >"$W/kept"
want grep -q "^secret = stoat" "$W/kept"
want_not grep -qE 'alice|example.com|P:' "$W/kept"
want_not grep -rq stoat "$W/home"

it "what is typed anew replaces it"
rules 'Host *' 'Request "P:"' 'Cache 60 keyring' 'Limit 0' 'Response $ask$'
typed weasel --prompt P:
want_answer weasel
want [ "$(kept | grep -c '^secret = ')" = 1 ]
rules 'Host *' 'Request "P:"' 'Cache 60 keyring' 'Response $ask$'
login --prompt P:
want_answer weasel

it "one whose fate is unknown stays, one that is refused is dropped"
login --prompt P: --outcome none
want_answer weasel
login --prompt P: --outcome failure
want_answer weasel
login --prompt P:
want_asked
want [ "$(kept | grep -c '^secret = ')" = 0 ]

it "it outlives the keyring's daemon"
typed stoat --prompt P:
keyring_stop
keyring_start
login --prompt P:
want_answer stoat

it "--forget forgets it"
run 10 "$authplug" answer --config "$W/answers" --forget
want_rc 0
want_quiet
login --prompt P:
want_asked
want [ "$(kept | grep -c '^secret = ')" = 0 ]

it "its time is over when it is, and then others remove it"
rules 'Host *' 'Request "P:"' 'Cache 1 keyring' 'Response $ask$'
typed stoat --prompt P:
want_answer stoat
sleep 2.1
login --prompt P:
want_asked
rules 'Host *' 'Request "P:|Q:"' 'Cache 60 keyring' 'Response $ask$'
typed weasel --prompt Q:
want [ "$(kept | grep '^secret = ')" = "secret = weasel" ]

it "a clock that was set back keeps nothing alive"
# the attributes of an entry of the future
hash=$(kept | sed -n 's/^attribute.answer = //p')
later=$(($(date +%s) + 1000))
secret-tool clear answer "$hash"
printf future | secret-tool store --label=x xdg:schema org.authplug.Answer \
    answer "$hash" since "$later" until "$((later + 60))"
want [ "$(kept | grep '^secret = ')" = "secret = future" ]
login --prompt Q:
want_asked
secret-tool clear answer "$hash"

it "the helper by hand: what is no request is refused"
run 10 "$authplug_keyring"
want_rc 2
run 10 "$authplug_keyring" find 60
want_rc 2
run 10 sh -c 'printf "\377\377\377\377x" | "$0" drop' "$authplug_keyring"
want_rc 2
run 10 sh -c '(printf "\0\0\0\1x"; head -c 5000 /dev/zero) | "$0" keep 9' \
    "$authplug_keyring"
want_rc 2
run 10 sh -c 'printf "\0\0\0\1x" | "$0" find 0' "$authplug_keyring"
want_rc 2

# ------------------------------------------------------------------ locked

it "a keyring that is locked is said to be, and is not wrong"
rules 'Host *' 'Request "P:"' 'Response $keyring:example$' 'Request "Q:"' \
    'Cache 60 keyring' 'Response $ask$'
typed stoat --prompt Q:
want_answer stoat
lock
login --prompt P:
want_asked
want_out "the keyring is locked: unlock it"
login --prompt Q:
want_asked
want_out "the keyring is locked: unlock it"
AUTHPLUG_LOG=$W/log
export AUTHPLUG_LOG
typed weasel --prompt Q:
unset AUTHPLUG_LOG
want_answer weasel
want grep -q "the cache of answers is as it was: the keyring is locked" "$W/log"
run 10 "$authplug" answer --config "$W/answers" --forget
want_rc 1
want_err "the keyring is locked"

it "what it has is there when it is unlocked"
keyring_stop
keyring_start
login --prompt P: --prompt Q:
want_answer sesame stoat

# -------------------------------------------------------- not to be reached

it "a keyring that hangs is not waited for without end"
kill -STOP "$daemon"
login --prompt Q:
want_asked
want_out "the keyring did not answer in time"
want_within 8000
want_at_least 4000
kill -CONT "$daemon"

it "one that is not there is said not to be"
keyring_stop
login --prompt P:
want_asked
want_out "the keyring cannot be reached"
want_out "start what keeps it, such as gnome-keyring-daemon"
login --prompt Q:
want_asked
want_out "the keyring cannot be reached"
run 10 "$authplug" answer --config "$W/answers" --forget
want_rc 1
want_err "the keyring cannot be reached"

it "nor one without a bus; what needs no keyring minds neither"
DBUS_SESSION_BUS_ADDRESS=unix:path=$W/no-bus
login --prompt P:
want_asked
want_out "the keyring cannot be reached"
want_out "set DBUS_SESSION_BUS_ADDRESS to the bus of one"
rules 'Host *' 'Request "P:"' 'Cache 60' 'Response $ask$'
run 10 "$authplug" answer --config "$W/answers" --forget
want_rc 0
want_quiet
DBUS_SESSION_BUS_ADDRESS=$bus

it "nor a bus that says nothing, and the helper ends even if nobody ends it"
wait "$mute_try"
want grep -q "the keyring did not answer in time" "$W/mute.try"
wait "$mute_get" 2>/dev/null
want [ $? = 142 ]

it "nobody was asked to unlock anything"
want_not grep '^method call' "$W/prompts"

it "which would have been seen"
keyring_start
lock
timeout 5 secret-tool lookup authplug example >"$W/out" 2>&1
want grep -q '^method call.*member=Prompt$' "$W/prompts"

finish
