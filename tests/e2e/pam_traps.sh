#!/bin/sh
# pam_authplug.so in programs that are hard to be a module of: they reap what is
# not theirs, have threads, leak descriptors, run for others, and disappear.
. "${0%/*}/pam_lib.sh"

quick="min_time=200"
plugin ask <<'END'
params
ask "req:Secret: "
verdict "$r1" sesame
END
plugin crash <<'END'
params
exit 3
END
plugin killed <<'END'
params
kill -9 $$
END
plugin silent <<'END'
params
sleep 60
END
for name in ask crash killed; do
    service $name "auth required MODULE plugin=$plugins/$name $quick"
done
service silent "auth required MODULE plugin=$plugins/silent timeout=1 $quick"

for way in ignore nowait thief grabber closed leaky rude; do
    it "with the program's way \"$way\" the right answer is believed"
    host 20 -s $way -n 20 -a sesame ask alice auth credentials
    want_rc 0
    want_as_before
    want_log_lines 20

    it "with the program's way \"$way\" nothing else is"
    host 20 -s $way -n 3 -a wrong ask alice auth
    want_rc 1
    want_logged outcome rejected
    want_after auth 200 1900
    want_as_before
    host 20 -s $way crash alice auth
    want_rc 1
    want_logged outcome error
    want_as_before
    host 20 -s $way silent alice auth
    want_rc 1
    want_logged outcome error reason "*within 1 s"
    want_as_before
done

it "how the plugin ended is known whoever reaps"
for way in ignore nowait thief; do
    host 10 -s $way crash alice auth
    want_logged reason "*exit status 3"
    host 10 -s $way killed alice auth
    want_logged reason "*signal 9"
done

it "sixteen threads log in at a time"
host 60 -w 16 -n 10 -a sesame ask alice auth
want_rc 0
want_as_before
want_log_lines 160
[ "$(grep -oE '"id":"[0-9a-f]*"' "$W/log" | sort -u | wc -l)" = 160 ] ||
    wrong "two logins have the same id"
host 60 -s thief -w 16 -n 3 -a wrong ask alice auth
want_rc 1
want_as_before
[ "$(grep -c '"rejected"' "$W/log")" = 48 ] || wrong "not all were rejected"

it "two hundred logins leave no descriptor behind"
host 60 -n 200 -a sesame ask alice auth
want_rc 0
want_as_before

# ------------------------------------------------------------------ who is killed

plugin waits <<'END'
trap '' TERM HUP
echo $$ >$1
params
ask "req:Secret: "
sleep 61
END
service waits "auth required MODULE [plugin=$plugins/waits $W/pid] $quick"
# gone FILE - the process of this number ends within five seconds.
want_gone () {
    await "$1" || wrong "the plugin did not start"
    n=0
    while kill -0 "$(cat "$1")" 2>/dev/null; do
        n=$((n + 1))
        [ $n -lt 250 ] || { wrong "the plugin is still there"; return; }
        sleep 0.02
    done
    rm -f "$1"
}
# killed SIGNAL [OPTION...] - the program is, half a second later.
killed () {
    signal=$1
    shift
    rm -f "$W/pid"
    run 10 --after 0.5 "kill:$signal" -- env SYSLOG_SHIM="$W/log" \
        LD_PRELOAD="$BUILD/tests/syslog_shim.so" "$BUILD/tests/pam_harness" \
        -c "$W/pam" "$@" waits alice auth
    want_gone "$W/pid"
}

it "when the program is killed, so is the plugin"
for signal in TERM KILL; do
    killed $signal -a x
    want_not [ "$rc" = 0 ]
    want_nothing_left
done

it "also while the user thinks"
killed KILL -d 5000 -a x
want_not [ "$rc" = 0 ]
want_nothing_left

# ---------------------------------------------------------------- whom it runs for

plugin world <<'END'
params
env -0 | tr '\0' '\n' >$1
id -u >>$1
echo success
END
service world "auth required MODULE [plugin=$plugins/world $W/world] $quick"

it "a program that is setuid lends the plugin nothing of its user's"
if [ "$(id -u)" = 0 ]; then
    mkdir "$W/evil"
    for word in env id sed grep tr; do
        printf '#!/bin/sh\ntouch %s/hit\n' "$W/evil" >"$W/evil/$word"
        chmod 755 "$W/evil/$word"
    done
    run 10 env -i ASAN_OPTIONS="$ASAN_OPTIONS" PATH="$W/evil:$PATH" ENV="$W/evil/env" BASH_ENV="$W/evil/env" \
        IFS=/ LD_LIBRARY_PATH="$W/evil" SSH_CONNECTION="6.6.6.6 1 6.6.6.7 2" \
        SSH2_PASSWD_PATH="$W/evil/env" SSH_DEBUG_LEVEL=9 PERL5LIB="$W/evil" \
        PYTHONPATH="$W/evil" LC_ALL=evil TMPDIR="$W/evil" \
        SYSLOG_SHIM="$W/log" LD_PRELOAD="$BUILD/tests/syslog_shim.so" \
        "$BUILD/tests/pam_harness" -c "$W/pam" -u 4242 world alice auth
    want_rc 0
    want_out "the process is unchanged"
    want_not [ -e "$W/evil/hit" ]
    want_not grep -q evil "$W/world"
    want_not grep -qE 'SSH|LD_|IFS|LC_' "$W/world"
    want [ "$(tail -n 1 "$W/world")" = 0 ]
else
    lacking root
fi

it "its user cannot send signals to the plugin"
if [ "$(id -u)" = 0 ]; then
    rm -f "$W/pid"
    "$BUILD/tests/pam_harness" -c "$W/pam" -u 4242 -d 1500 -a x waits alice \
        auth >/dev/null 2>&1 &
    want await "$W/pid"
    want_not setpriv --reuid=4242 --clear-groups kill -9 "$(cat "$W/pid")"
    want kill -0 "$(cat "$W/pid")"
    kill -9 $!
    want_gone "$W/pid"
else
    lacking root
fi

it "a user without privileges can use it, too"
if [ "$(id -u)" = 0 ]; then
    chmod 666 "$W/log"
    run 10 setpriv --reuid=daemon --regid=daemon --clear-groups \
        env LD_PRELOAD="$BUILD/tests/syslog_shim.so" SYSLOG_SHIM="$W/log" \
        "$BUILD/tests/pam_harness" -c "$W/pam" -a sesame ask alice auth
else
    host 10 -a sesame ask alice auth
fi
want_rc 0
want_as_before

finish
