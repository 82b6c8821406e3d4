#!/bin/sh
# pam_authplug.so in a private pam.d, by pam_wrapper: pamtester as a user has
# it, and what PAM returns for stacks of modules, by libpamtest. Needs no
# privileges.
. "${0%/*}/pam_lib.sh"
need pamtester pamtester
[ -n "$(find /usr/lib -name libpam_wrapper.so 2>/dev/null)" ] ||
    skip_all "libpam_wrapper.so (Debian: libpam-wrapper)"

quick="min_time=100"
plugin ask <<'END'
params
ask "instruction:Please tell me." "req:Secret: "
verdict "$r1" sesame
END
plugin crash <<'END'
params
exit 3
END
plugin allow <<'END'
params
echo success
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
[ "$(param new_password)" != weak ] || echo "error_msg:BAD PASSWORD"
verdict "$(param new_password)" fresh
END

service ask "auth required MODULE plugin=$plugins/ask $quick"
service crash "auth required MODULE plugin=$plugins/crash $quick" \
    "account required MODULE plugin=$plugins/crash $quick"
for name in allow no old; do
    service $name "account required MODULE plugin=$plugins/$name $quick"
done
service missing "auth required MODULE plugin=$plugins/missing $quick"
service nonsense "account required MODULE nonsense $quick"
service sufficient "auth sufficient MODULE plugin=$plugins/ask $quick" \
    "auth required pam_deny.so"
service remember "auth required MODULE remember"
service session "session required MODULE plugin=$plugins/ask"
service change "password required MODULE plugin=$plugins/change user=$me $quick"

# wrapped SECONDS [run.py's options --] COMMAND...
wrapped () {
    within=$1
    shift
    case $1 in
    --*) ;;
    *) set -- -- "$@" ;;
    esac
    options=
    while [ "$1" != -- ]; do options="$options $1"; shift; done
    shift
    # shellcheck disable=SC2086
    run "$within" $options -- env PAM_WRAPPER=1 PAM_WRAPPER_SERVICE_DIR="$W/pam" \
        LD_PRELOAD="libpam_wrapper.so $BUILD/tests/syslog_shim.so" \
        SYSLOG_SHIM="$W/log" "$@"
}

it "pamtester asks, and lets in"
: >"$W/log"
wrapped 10 --pty --on Secret: 'type:sesame\n' -- \
    pamtester ask alice authenticate
want_rc 0
want_screen "Please tell me."
want_screen "successfully authenticated"
want_logged outcome accepted user alice service ask

it "pamtester does not with a wrong answer"
wrapped 10 --pty --on Secret: 'type:wrong\n' -- \
    pamtester ask alice authenticate
want_not [ "$rc" = 0 ]
want_screen "Authentication failure"
want_logged outcome rejected

it "pamtester shows why access is denied"
wrapped 10 --pty -- pamtester no alice acct_mgmt
want_not [ "$rc" = 0 ]
want_screen "Come back tomorrow."
want_screen "Permission denied"

it "stacks give what PAM's documents promise"
if [ -x "$BUILD/tests/test_pam_stack" ]; then
    wrapped 30 "$BUILD/tests/test_pam_stack"
    want_rc 0
    want_nothing_left
else
    lacking "libpamtest (Debian: libpamtest0-dev)"
fi

finish
