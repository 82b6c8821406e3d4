#!/bin/sh
# authplug serve: clients, users and plugins that mean no good.
# shellcheck disable=SC2016 # words in single quotes are for the other side
. "${0%/*}/lib.sh"
. "${0%/*}/serve_lib.sh"
: >"$W/hosts"
: >"$W/known_hosts"
password_file
pw="PasswordFile $W/passwords"
fast="AuthInteractiveFailureTimeout 0"
slow="AuthInteractiveFailureTimeout 1"
question='ask "Plugin authentication" "" "" "A"'

# ------------------------------------------------ refusals are all alike

# what this plugin does depends on the user, as it should not
cat >"$W/plugin_by_user" <<'END'
#!/bin/sh
user=
while read -r line && [ "$line" != end_of_params ]; do
    case $line in user_name:*) user=${line#*:} ;; esac
done
printf 'req:A\nend_of_requests\n'
read -r reply
read -r end
case $user in
known) sleep 0.3; echo failure; exit 1 ;;
unknown) echo failure; exit 1 ;;
crashed) kill -9 $$ ;;
talks) echo success; echo more ;;
lost) echo 'req:A' ;;
odd) printf 'req:A\r\n' ;;
esac
END
chmod +x "$W/plugin_by_user"
serve_start times "$pw" "$slow" "AuthKbdInt.Plugin exec $W/plugin_by_user"

it "wrong answers and passwords, unknown users, plugins that crash: refused at \
one time"
run 60 "$PY" "$E2E/serve_times.py" "$(serve_port times)" 5 1000 25 \
    kbdint:known kbdint:unknown kbdint:crashed kbdint:lost kbdint:odd \
    password:alice password:expired password:nobody
want_rc 0
sed 's/^/# /' "$W/out"

it "a plugin that talks after its verdict is refused no sooner"
times=yes
talk times "kbdint talks" "reply x"
want_ms 1000 2500 "failure"

it "the time counts from the last reply, not from the beginning"
talk times "kbdint unknown" "sleep 0.4" "reply x"
want_ms 1000 2500 "failure"
times=

it "the dialogue of an unknown user is that of a known one"
talk times "kbdint known" "reply x"
cp "$W/out" "$W/known"
talk times "kbdint unknown" "reply x"
want cmp "$W/out" "$W/known"
want_idle times

# ------------------------------------------------------- words that forge

serve_start forge "$pw" "$fast" "PasswordGuesses 9" "AuthKbdInt.Plugin $(plugin \
    record "$W/record" params ask '' A . success)"
while read -r name reply; do
    it "a reply that would be lines is refused: $name"
    rm -f "$W/record"
    talk forge "kbdint alice" "reply $reply"
    want_out_is "$question" "failure keyboard-interactive,password"
    want_not grep -q '^reply:\|^success' "$W/record"
    want_serve_log forge 'the user.s replies cannot be passed on'
    : >"$W/s/forge/log"
done <<'END'
an-end-of-the-list a\nend_of_replies\nsuccess
CR a\rb
NUL a\0b
LF-alone \n
NUL-alone \0
END

it "a reply is not cut where it is long, but refused"
long=$("$PY" -c 'print("x" * 20000)')
talk forge "kbdint alice" "reply $long"
want_out "failure keyboard-interactive,password"

while read -r name user; do
    it "a user's name that cannot be passed on gets no dialogue: $name"
    rm -f "$W/record"
    talk forge "kbdint $user" "password $user sesame"
    want_out_is "failure keyboard-interactive,password" \
        "failure keyboard-interactive,password"
    want [ ! -e "$W/record" ]
done <<END
LF a\\nend_of_params
CR a\\rb
NUL a\\0
ESC \\x1b[7m
DEL \\x7f
nothing -
256-bytes $(printf '%0256d' 0)
END

it "such a name forges no line of the log"
want_no_serve_log forge '^[^{]'
want_serve_log forge '"user":"a.u000aend_of_params"'

it "a name of 255 bytes is one"
talk forge "kbdint $(printf '%0255d' 0)" "reply x"
want_out success

it "a password is not cut"
set --
for word in 'sesame\0' 'sesame\nx' '\0' 'sesame\x00x' -; do
    set -- "$@" "password alice $word"
done
talk forge "$@"
want [ "$(grep -c '^failure keyboard-interactive,password$' "$W/out")" = 5 ]
want_no_out success

# ------------------------------------------------------ clients that cheat

for replies in "" "a b" "a b c d e"; do
    it "replies that are not as many as the prompts deny: '$replies'"
    # shellcheck disable=SC2086
    talk forge "kbdint alice" "reply${replies:+ $replies}"
    want_out "failure keyboard-interactive,password"
    want_no_out success
done

it "nor do three hundred, nor a number that is not true"
talk forge "kbdint alice" "reply $(seq -s ' ' 300)"
want_no_out success
talk forge "kbdint alice" "body 61 ffffffff"
want_no_out success
talk forge "kbdint alice" "body 61 0000000100000009"
want_no_out success
talk forge "kbdint alice" "body 61 00000001000000014100"
want_out "closed"

it "replies that nobody asked for end the connection"
talk forge "none alice" "reply a"
want_rc 9
talk forge "kbdint alice" "reply a\\nb" "reply a"
want_rc 9
want_no_out success

it "a client may change its mind: the plugin ends"
serve_start mind "$pw" "$slow" "AuthKbdInt.Plugin $(plugin \
    record "$W/mind" params ask '' A . success)"
times=yes
talk mind "kbdint alice" "password alice sesame"
want_ms 0 900 success
want await "$W/mind"
want grep -qx end "$W/mind"
talk mind "kbdint alice" "none alice" "kbdint alice" "reply x"
want_ms 0 900 failure
want_out success
times=
want_idle mind

it "that counts as a try"
talk mind "kbdint alice" "kbdint alice" "kbdint alice" "kbdint alice"
want [ "$(grep -c ask "$W/out")" = 3 ]
want_out "failure password"

it "requests that are sent in one go are handled one by one"
talk mind "+none alice" "+password alice x" "+kbdint alice" \
    "+password alice sesame" "sleep 1.5"
want_out_is "failure keyboard-interactive,password" \
    "failure keyboard-interactive,password" "$question" success

it "another user in the same connection ends it"
talk mind "password alice x" "password expired sesame"
want_rc 9
want_out "closed Change of username or service not allowed"
talk mind "kbdint alice" "kbdint bob"
want_rc 9
want_idle mind

it "so does another service"
talk mind "none alice ssh-userauth"
want_rc 9
want_out_is "closed Change of username or service not allowed"

it "so does a login without having asked for the service"
run 30 "$PY" "$E2E/serve_client.py" --abrupt "$(serve_port mind)" \
    "password alice sesame"
want_rc 9
want_no_out success
want_serve_log mind '"reason":"the client did not ask for authentication first"'

# a request for alice and ssh-connection, without the method
head=$("$PY" -c '
import struct
print(b"".join(struct.pack(">I", len(w)) + w
               for w in (b"alice", b"ssh-connection")).hex())')
while read -r name rest; do
    it "a request that is malformed ends it: $name"
    talk mind "+body 50 $head$rest" "none alice"
    want_out closed
    want_no_out success
    want_serve_log mind 'malformed'
    : >"$W/s/mind/log"
done <<END
cut-in-the-method 00000008706173
password-without-one 0000000870617373776f726400
more-than-a-password 0000000870617373776f72640000000006736573616d6500
a-change-without-a-new-one 0000000870617373776f72640100000006736573616d65
NUL-in-the-method 0000000970617373776f7264000000000006736573616d65
gssapi-with-mic 0000000f6773736170692d776974682d6d696300000000
kbdint-without-a-language 000000146b6579626f6172642d696e746572616374697665
more-than-none 000000046e6f6e6500
END

it "a connection that is not logged in gets no session"
talk mind "none alice" "body 90 0000000773657373696f6e000000000020000000008000"
want_rc 9

it "nor does one that speaks of success itself"
talk mind "none alice" "body 52 "
want_rc 9
want_no_out success

# --------------------------------------------------- plugins that cheat

while IFS='|' read -r deeds reason; do
    it "a plugin that does this refuses: $deeds"
    # shellcheck disable=SC2086
    serve_start bad "$pw" "$fast" "LoginGraceTime 20" \
        "AuthKbdInt.Plugin $(plugin $deeds)"
    talk bad "kbdint alice"
    want_out_is "failure keyboard-interactive,password"
    want_serve_log bad "\"outcome\":\"error\",.*\"reason\":\"$reason"
    want_idle bad
    serve_stop bad
done <<END
die|the plugin was killed by signal 9 before its verdict
params|the plugin ended without a verdict, with exit status 0
params say req:A|in the plugin's requests end_of_requests is missing
params say hello fork|the plugin
params success say more|the plugin went on talking
params success failure|the plugin went on talking
params failure success|the plugin
params success sleep 0.5 failure|the plugin went on talking
params success ignore fork sleep 0.2 say x sleep 30|the plugin
params ignore forever req:A|the plugin
params forever hello|the plugin
params long 20000|line 1 of the plugin
END

it "a command that is not there refuses"
serve_start none "$pw" "$fast" "AuthKbdInt.Plugin exec $W/no-such-plugin"
talk none "kbdint alice"
want_out_is "failure keyboard-interactive,password"
want_serve_log none '"outcome":"error",.*"reason":".*was not found by the shell'

it "lines with CR or NUL refuse"
serve_start control "$pw" "$fast" \
    "AuthKbdInt.Plugin printf 'success\\r\\n'; cat >/dev/null"
talk control "kbdint alice"
want_out_is "failure keyboard-interactive,password"
serve_start control "$pw" "$fast" \
    "AuthKbdInt.Plugin printf 'success\\0\\n'; cat >/dev/null"
talk control "kbdint alice"
want_out_is "failure keyboard-interactive,password"

it "more prompts, or more text, than a client can be asked refuse"
serve_start much "$pw" "$fast" "AuthKbdInt.Plugin i=0; while [ \$i -lt 101 ]; \
do echo req:A; i=\$((i+1)); done; echo end_of_requests; cat >/dev/null"
talk much "kbdint alice"
want_out_is "failure keyboard-interactive,password"
serve_start much "$pw" "$fast" "AuthKbdInt.Plugin i=0; while [ \$i -lt 4 ]; \
do printf 'req:%010000d\\n' 0; i=\$((i+1)); done; echo end_of_requests; \
cat >/dev/null"
talk much "kbdint alice"
want_out_is "failure keyboard-interactive,password"
want_serve_log much "too much to ask the user in one round"

it "rounds without end refuse"
serve_start rounds "$pw" "$fast" "AuthKbdInt.Plugin until [ \"\$x\" = \
end_of_params ]; do read -r x; done; while echo end_of_requests; do \
read -r x; done"
set --
for i in $(seq 101); do set -- "$@" reply; done
talk rounds "kbdint alice" "$@"
want_out "failure keyboard-interactive,password"
want [ "$(grep -c '^ask' "$W/out")" = 100 ]
want_idle rounds

it "a plugin that is silent refuses before the login's time is over"
serve_start silent "$pw" "$slow" "LoginGraceTime 4" \
    "AuthKbdInt.Plugin $(plugin ignore params sleep 60)"
times=yes
talk silent "kbdint alice" "password alice sesame" "run echo there"
want_ms 1900 3300 failure
want_out there
times=
want_idle silent

# ---------------------------------------------- clients that go away, or stay

it "a client that goes away while the plugin works ends it at once"
serve_start busy "$pw" "$slow" "AuthKbdInt.Plugin $(plugin ignore params \
    record "$W/waiting" ask '' A . sleep 60)"
talk busy "kbdint alice" "+reply x" "sleep 0.3" "end"
want_idle busy
want_serve_log busy '"reason":"the client went away"'
talk busy "+kbdint alice" "sleep 0.2" "end"
want_idle busy

it "a client that says nothing is left when LoginGraceTime is over"
serve_start grace "$pw" "$slow" "LoginGraceTime 2" \
    "AuthKbdInt.Plugin $(plugin ignore params ask '' A . sleep 60)"
cat >"$W/mute.py" <<'END'
import socket, sys, time
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
what, began = sys.argv[2], time.monotonic()
if what == "banner":
    s.sendall(b"SSH-2.0-mute\r\n")
if what == "huge":
    s.sendall(b"SSH-2.0-mute\r\n" + b"\0\3\xff\xff" + bytes(100))
s.settimeout(0.1)
while time.monotonic() - began < 10:
    try:
        if what == "dribble":
            s.sendall(b"S")
        if s.recv(65536) == b"":
            break
    except TimeoutError:
        pass
    except OSError:
        break
print("%d" % (1000 * (time.monotonic() - began)))
END
run 20 sh -c 'for what in nothing banner dribble huge; do
        "$1" "$2/mute.py" "$3" "$what" >"$2/mute.$what" &
    done; wait' sh "$PY" "$W" "$(serve_port grace)"
for what in nothing banner dribble huge; do
    ms=$(cat "$W/mute.$what")
    case $what in
    # a line of more than 127 bytes is no banner, a packet has its bounds
    dribble) want [ "$ms" -ge 100 ] ;;
    huge) ;;
    *) want [ "$ms" -ge 1900 ] ;;
    esac
    want [ "$ms" -le 2700 ]
done
want_serve_log grace '"event":"login",.*"reason":"the login took too long"'
want_idle grace

it "so is one that does not answer, whose plugin works, that floods"
run 20 sh -c 'log=$1
    shift
    "$@" "kbdint alice" "sleep 2.3" >"$log.1" &
    "$@" "none alice" "flood 5" >"$log.2" &
    "$@" "none alice" "sleep 1" "kbdint alice" "sleep 1.3" >"$log.3" &
    wait' sh "$W/grace" "$PY" "$E2E/serve_client.py" --times \
    "$(serve_port grace)"
cp "$W/grace.1" "$W/out"
want_ms 1000 3500 "closed The login took too long"
cp "$W/grace.2" "$W/out"
want_ms 1000 3500 closed
cp "$W/grace.3" "$W/out"
want_ms 100 2500 "closed The login took too long"
want_idle grace

it "one that is killed takes its plugin with it"
run 10 sh -c '
    "$1" "$2" "$3" "kbdint alice" "+reply x" "sleep 1.5" >/dev/null 2>&1 &
    sleep 1
    kill -9 $(ps -o pid= --ppid "$4")
    wait' sh "$PY" "$E2E/serve_client.py" "$(serve_port busy)" \
    "$(cat "$W/s/busy/pid")"
want_idle busy
want_serve_log busy 'was ended by signal 9'
talk busy "password alice sesame"
want_out success

it "the listener that is killed leaves nothing"
run 10 sh -c '
    "$1" "$2" "$3" "kbdint alice" "+reply x" "sleep 1.5" >/dev/null 2>&1 &
    sleep 1
    kill -9 "$4"
    wait' sh "$PY" "$E2E/serve_client.py" "$(serve_port busy)" \
    "$(cat "$W/s/busy/pid")"
n=0
while pgrep -f "$W/s/busy/conf" >/dev/null || pgrep -f "$W/plugin" >/dev/null
do
    n=$((n + 1))
    [ "$n" -lt 150 ] || { wrong "$(pgrep -af "$W")"; break; }
    sleep 0.02
done
wait "$(cat "$W/s/busy/pid")" 2>/dev/null

it "core files are off, and no other process looks into it"
talk times "none alice"
want grep -q '^Max core file size  *0 ' \
    "/proc/$(cat "$W/s/times/pid")/limits"
if [ -n "$root" ]; then
    want grep -q '^CapEff' "/proc/$(cat "$W/s/times/pid")/status"
else
    want_not cat "/proc/$(cat "$W/s/times/pid")/environ"
fi

finish
