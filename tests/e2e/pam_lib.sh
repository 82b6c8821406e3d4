# pam_lib.sh - for tests of pam_authplug.so; sourced in the place of lib.sh.
#
# The module runs no plugin that others could replace, so plugins cannot be
# below /tmp. Root gets a private directory that nobody else sees, others one
# of their own.

# trusted DIRECTORY - it and all above belong to root or us, and are only ours
# to write.
trusted () {
    place=$(cd "$1" 2>/dev/null && pwd -P) || return 1
    while :; do
        [ -z "$(find "$place" -maxdepth 0 \( -perm -0020 -o -perm -0002 -o \
            ! \( -user root -o -user "$(id -un)" \) \))" ] || return 1
        [ "$place" != / ] || return 0
        place=$(dirname "$place")
    done
}

if ! trusted "${TMPDIR:-/tmp}"; then
    if [ "$(id -u)" = 0 ] && unshare -m mount -t tmpfs none /mnt 2>/dev/null
    then
        export SRC BUILD
        # shellcheck disable=SC2093 # the script begins anew
        exec unshare -m sh -c 'mount -t tmpfs -o mode=755 none /mnt &&
            TMPDIR=/mnt exec sh "$@"' sh "$0" "$@"
    fi
    for place in "${XDG_RUNTIME_DIR:-}" "$HOME" "$BUILD"; do
        if [ -n "$place" ] && trusted "$place"; then
            TMPDIR=$place
            break
        fi
    done
    export TMPDIR
fi
. "${0%/*}/lib.sh"
trusted "$W" ||
    skip_all "a directory that only this user can write, for TMPDIR"
need_built server/pam_authplug.so
need_built tests/pam_harness

module=$BUILD/server/pam_authplug.so
# other accounts run plugins, too
chmod 755 "$W"
umask 022
mkdir "$W/pam" "$W/plugins"
echo "auth required pam_deny.so" >"$W/pam/other"

# service NAME LINE... - PAM's lines, with the module's path for "MODULE".
service () {
    file=$W/pam/$1
    shift
    for line in "$@"; do echo "$line"; done | sed "s|MODULE|$module|" >"$file"
}

# plugin NAME - a shell script, from standard input, below $plugins.
plugins=$W/plugins
plugin () {
    { echo '#!/bin/sh'; cat; } >"$plugins/$1"
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

# want_shown LINE - the user saw it.
want_shown () {
    want_out "$1"
}

want_gave () {
    grep -q "^$1: $2 after" "$W/out" || wrong "$1 did not give: $2"
}

# want_logged NAME VALUE... - the last line of the log has these members.
want_logged () {
    "$PY" - "$W/log" "$@" >"$W/want" 2>&1 <<'END' || wrong "$(cat "$W/want")"
import json, sys
lines = open(sys.argv[1], encoding="utf-8").read().splitlines()
assert lines, "nothing was logged"
line = json.loads(lines[-1].split(" ", 1)[1])
for name, value in zip(sys.argv[2::2], sys.argv[3::2]):
    assert value == str(line.get(name)) or value.startswith("*") and \
        value[1:] in str(line.get(name)), \
        "logged as %s: %s, not %s" % (name, line.get(name), value)
END
}
