# pam_lib.sh - for tests of pam_authplug.so; sourced in the place of lib.sh.

. "$SRC/tests/e2e/trusted.sh"
. "$SRC/tests/e2e/lib.sh"
trusted "$W" ||
    skip_all "a directory that only this user can write, for TMPDIR"
need_built server/pam_authplug.so
need_built tests/pam_harness

module=$BUILD/server/pam_authplug.so
# a sanitizer would rather be preloaded before our own library
ASAN_OPTIONS=verify_asan_link_order=0${ASAN_OPTIONS:+:$ASAN_OPTIONS}
export ASAN_OPTIONS
# other accounts run plugins, too
chmod 755 "$W"
umask 022
mkdir "$W/pam" "$W/plugins"
# its place is in it, so that what pam_wrapper leaves can be told to be ours
printf "# %s\nauth required pam_deny.so\n" "$W" >"$W/pam/other"

# service NAME LINE... - PAM's lines, with the module's path for "MODULE".
service () {
    file=$W/pam/$1
    shift
    for line in "$@"; do echo "$line"; done | sed "s|MODULE|$module|" >"$file"
}

# plugin NAME - a shell script, from standard input, below $plugins. It finds
# $1's value in `param $1` after `params`, and replies in $r1, $r2 after `ask`.
plugins=$W/plugins
plugin () {
    {
        cat <<'END'
#!/bin/sh
params () {
    all=
    while IFS= read -r line && [ "$line" != end_of_params ]; do
        all="$all$line
"
    done
}
param () { printf %s "$all" | sed -n "s/^$1://p"; }
replies () {
    n=0
    while IFS= read -r line && [ "$line" != end_of_replies ]; do
        n=$((n + 1))
        eval "r$n=\${line#*:}"
    done
}
ask () {
    for word; do echo "$word"; done
    echo end_of_requests
    replies
}
verdict () { if [ "$1" = "$2" ]; then echo success; else echo failure; fi; }
END
        cat
    } >"$plugins/$1"
    chmod 755 "$plugins/$1"
}

# host SECONDS [pam_harness's options] SERVICE USER STEP... - the log goes to
# $W/log.
host () {
    within=$1
    shift
    : >"$W/log"
    run "$within" env LD_PRELOAD="$BUILD/tests/syslog_shim.so" \
        SYSLOG_SHIM="$W/log" "$BUILD/tests/pam_harness" -c "$W/pam" "$@"
}

# want_conversations LINE... - all that the user saw, call by call.
want_conversations () {
    grep -E '^(conversation|text|error|echo|secret)' "$W/out" >"$W/saw"
    [ $# = 0 ] || printf '%s\n' "$@" >"$W/should"
    [ $# != 0 ] || : >"$W/should"
    diff "$W/should" "$W/saw" >"$W/want" ||
        wrong "the user saw something else: $(cat "$W/want")"
}

# want_gave STEP WORDS - what pam_strerror() says.
want_gave () {
    grep -q "^$1: $2 after" "$W/out" || wrong "$1 did not give: $2"
}

# want_after STEP LEAST MOST - milliseconds since the last reply.
want_after () {
    ms=$(sed -n "s/^$1: .* after \([0-9]*\)\.. ms/\1/p" "$W/out" | tail -n 1)
    [ "${ms:-0}" -ge "$2" ] && [ "${ms:-0}" -le "$3" ] ||
        wrong "$1 took $ms ms, not $2 to $3"
}

# want_as_before - nothing of the program's own has changed.
want_as_before () {
    want_out "the process is unchanged"
    want_nothing_left
}

# want_logged NAME VALUE... - the last decision in the log has these members; a
# value of *TEXT holds the text, of - is not there.
want_logged () {
    "$PY" - "$W/log" "$@" >"$W/want" 2>&1 <<'END' || wrong "$(cat "$W/want")"
import json, sys
lines = [json.loads(line.split(" ", 1)[1])
         for line in open(sys.argv[1], encoding="utf-8")
         if '"module":"pam_authplug"' in line]
lines = [line for line in lines if line["event"] != "stderr"]
if not lines:
    sys.exit("nothing was logged")
for name, value in zip(sys.argv[2::2], sys.argv[3::2]):
    found = str(lines[-1].get(name, "-"))
    if found != value and not (value[0] == "*" and value[1:] in found):
        sys.exit("logged as %s: %s, not %s" % (name, found, value))
END
}

want_log_lines () {
    n=$(grep -c '"module":"pam_authplug"' "$W/log")
    [ "$n" = "$1" ] || wrong "$n lines were logged, not $1"
}

# want_not_logged TEXT
want_not_logged () {
    ! grep -qF -- "$1" "$W/log" || wrong "is in the log: $1"
}
