#!/bin/sh
# pam_authplug.so when memory runs out, at each allocation in turn: nobody gets
# in who would not otherwise, and nothing is left behind.
. "${0%/*}/pam_lib.sh"

plugin ask <<'END'
params
ask "instruction:Please tell me." "req:Secret: "
verdict "$r1" sesame
END
plugin no <<'END'
params
echo failure
echo "error_msg:Come back tomorrow."
END
plugin old <<'END'
params
echo failure
echo error_code:password_too_old
END
plugin change <<'END'
params
[ "$(param new_password)" = fresh ] || echo "error_msg:BAD PASSWORD"
verdict "$(param new_password)" fresh
END
printf 'AuthKbdInt.Plugin %s\nExternalAuthorizationProgram %s\n' \
    "$plugins/ask" "$plugins/no" >"$W/config"
quick="min_time=0"
service ask "auth required MODULE plugin=$plugins/ask $quick"
service config "auth required MODULE config=$W/config $quick retries=2" \
    "account required MODULE config=$W/config $quick"
service change "account required MODULE plugin=$plugins/old $quick" \
    "password required MODULE plugin=$plugins/change user=$me $quick"
service shell "account required MODULE shell plugin=$plugins/no $quick"

# starved [OPTION...] SERVICE USER STEP... - memory runs out sooner or later.
starved () {
    : >"$W/log"
    run 150 env SYSLOG_SHIM="$W/log" \
        LD_PRELOAD="$BUILD/tests/malloc_shim.so $BUILD/tests/syslog_shim.so" \
        "$BUILD/tests/pam_harness" -c "$W/pam" -m "$@"
    want_as_before
    times=$(sed -n 's/^memory ran out \([0-9]*\) times.*/\1/p' "$W/out")
    [ "${times:-0}" -ge 20 ] || wrong "memory ran out $times times only"
}

it "a wrong answer stays wrong"
starved -a wrong ask alice auth
want_out ", and let 0 in"
starved -a 'sesame\n' ask alice auth
want_out ", and let 0 in"
starved -a wrong -a wrong config alice auth
want_out ", and let 0 in"

it "who is not authorized stays outside"
starved config alice account
want_out ", and let 0 in"
starved shell alice account
want_out ", and let 0 in"

it "a password that will not do is not set"
starved -f expired -a o -a weak -a weak -a o -a weak -a weak -a o -a weak \
    -a weak change alice account password
want_out ", and let 0 in"

it "with memory enough all is well"
starved -a sesame ask alice auth
want_rc 0
starved -f expired -a o -a fresh -a fresh change alice account password
want_rc 0

finish
