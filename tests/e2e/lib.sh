# lib.sh - what the end-to-end tests share. A test reads
#
#     it "gives the remote command's exit status"
#     run 20 $login "exit 7"
#     want_rc 7
#     want_nothing_left
#
# and ends with `finish`. BUILD and SRC are the build's and the source's root.
# Sourced by POSIX sh; speaks TAP.

set -u
umask 077
: "${BUILD:?is the build directory}" "${SRC:?is the root of the source}"
BUILD=$(cd "$BUILD" && pwd) || exit 1
SRC=$(cd "$SRC" && pwd) || exit 1
E2E=$SRC/tests/e2e
PY=/usr/bin/python3     # the one that Debian's python3-asyncssh is for

# The shells of sessions read the start files of the account that runs the tests,
# which may say and do anything: root's home is empty for them.
if [ "$(id -u)" = 0 ] && [ "${TESTS_HOME:-}" != empty ]; then
    home=$(getent passwd root | cut -d: -f6)
    case "$SRC/ $BUILD/ ${TMPDIR:-/tmp}/" in
    *"$home/"*) ;;
    *)
        if unshare -m mount -t tmpfs none "$home" 2>/dev/null; then
            export SRC BUILD TESTS_HOME=empty
            exec unshare -m sh -c 'mount -t tmpfs -o mode=700 none "$0" &&
                exec sh "$@"' "$home" "$0" "$@"
        fi ;;
    esac
fi

W=$(mktemp -d "${TMPDIR:-/tmp}/authplug-e2e.XXXXXX") || exit 1
mkdir "$W/home" "$W/run" "$W/tmp" "$W/srv"

# nothing of the machine's user is to be seen, and nothing is to be asked there
HOME=$W/home XDG_CONFIG_HOME=$W/home/.config XDG_STATE_HOME=$W/home/.state
XDG_RUNTIME_DIR=$W/run TMPDIR=$W/tmp LC_ALL=C.UTF-8 TERM=dumb
export HOME XDG_CONFIG_HOME XDG_STATE_HOME XDG_RUNTIME_DIR TMPDIR LC_ALL TERM
unset AUTHPLUG_PLUGIN AUTHPLUG_LOG SSH_AUTH_SOCK SSH_ASKPASS SSH_ASKPASS_REQUIRE
unset DISPLAY WAYLAND_DISPLAY LANG LANGUAGE SSH_CONNECTION SSH_TTY SSH_CLIENT
exec </dev/null

me=$(id -un)
tests=0 failures=0 current='' why='' skipped=''
rc=0 took=0 left=''
servers=''

# ----------------------------------------------------------------------- TAP

note () {
    cat -v | sed 's/^/#   /'
}

# What echo would take for an escape is none.
say () {
    printf '%s\n' "$1"
}

# Closes the test that is open, if one is.
settle () {
    [ -n "$current" ] || return 0
    tests=$((tests + 1))
    if [ -n "$skipped" ]; then
        if [ "${CI:-}" = true ]; then
            say "not ok $tests - $current"
            echo "# missing, and CI has no skip: $skipped"
            failures=$((failures + 1))
        else
            say "ok $tests - $current # SKIP $skipped"
        fi
    elif [ -z "$why" ]; then
        say "ok $tests - $current"
    else
        failures=$((failures + 1))
        say "not ok $tests - $current"
        printf '%s' "$why" | sed 's/^/# /'
        echo "# exit status $rc after $took ms; standard output:"
        tail -n 20 "$W/out" | note
        echo "# standard error:"
        tail -n 20 "$W/err" | note
        if [ -s "$W/screen" ]; then
            echo "# on the terminal:"
            tail -n 20 "$W/screen" | note
        fi
    fi
    current=
}

# it SENTENCE - opens a test.
it () {
    settle
    current=$1 why='' skipped=''
    rc=0 took=0 left=''
    : >"$W/out"; : >"$W/err"; : >"$W/screen"
}

# Notes why the open test fails.
wrong () {
    why="$why$*
"
}

# Skips the open test: says what is missing.
lacking () {
    skipped=$1
}

finish () {
    settle
    echo "1..$tests"
    exit "$((failures > 0))"
}

# skip_all WHAT IS MISSING
skip_all () {
    if [ "${CI:-}" = true ]; then
        echo "Bail out! missing, and CI has no skip: $*"
        exit 1
    fi
    echo "1..0 # SKIP $*"
    exit 0
}

# need PROGRAM PACKAGE - for the whole script.
need () {
    command -v "$1" >/dev/null 2>&1 || skip_all "$1 (Debian: $2)"
}

need_built () {
    [ -x "$BUILD/$1" ] || skip_all "$1 is not built"
}

need_asyncssh () {
    "$PY" -W ignore -c 'import asyncssh' 2>/dev/null ||
        skip_all "asyncssh for $PY (Debian: python3-asyncssh)"
}

# ----------------------------------------------------------------------- end

cleanup () {
    # shellcheck disable=SC2086
    [ -z "$servers" ] || "$PY" "$E2E/run.py" --stop $servers
    servers=
    # what pam_wrapper leaves behind when its process is killed
    for d in /tmp/pam.?; do
        if grep -qsF "$W" "$d/other"; then rm -rf "$d"; fi
    done
    rm -rf "$W"
}
trap cleanup EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# ----------------------------------------------------------- running commands

# run SECONDS [run.py's options --] COMMAND... - sets rc, took, left; standard
# output and error go to $W/out and $W/err, the terminal's to $W/screen.
run () {
    within=$1
    shift
    case $1 in --*) ;; *) set -- -- "$@" ;; esac
    "$PY" "$E2E/run.py" --within "$within" --report "$W/report" \
        --screen "$W/screen" "$@" >"$W/out" 2>"$W/err"
    if [ -s "$W/report" ]; then
        . "$W/report"
        rm -f "$W/report"
    else
        rc=125 took=0 left="run.py failed"
    fi
    [ "$rc" != 124 ] || wrong "it did not end within $within s"
}

want_rc () {
    [ "$rc" = "$1" ] || wrong "exit status $1 was expected"
}

# Looks for fixed words.
want_out () {
    grep -qF -- "$1" "$W/out" || wrong "not on standard output: $1"
}

# The lines, and nothing else.
want_out_is () {
    printf '%s\n' "$@" | cmp -s - "$W/out" ||
        wrong "standard output is not the lines: $*"
}

want_out_none () {
    [ ! -s "$W/out" ] || wrong "nothing should be on standard output"
}

want_err () {
    grep -qF -- "$1" "$W/err" || wrong "not on standard error: $1"
}

want_err_like () {
    grep -Eq -- "$1" "$W/err" || wrong "nothing on standard error matches: $1"
}

want_no_err () {
    ! grep -qF -- "$1" "$W/err" || wrong "is on standard error: $1"
}

want_quiet () {
    [ ! -s "$W/err" ] || wrong "standard error should be empty"
}

want_screen () {
    grep -qF -- "$1" "$W/screen" || wrong "not on the terminal: $1"
}

want_no_screen () {
    ! grep -qF -- "$1" "$W/screen" || wrong "is on the terminal: $1"
}

# Nothing that could move a cursor or hide: no control character but newline
# (and the terminal's own carriage return), no bidirectional mark.
want_harmless () {
    for f in "$W/out" "$W/err" "$W/screen"; do
        if tr -d '\n\r\t' <"$f" | LC_ALL=C grep -q '[[:cntrl:]]' ||
            LC_ALL=C grep -q "$(printf '\342\200\256')" "$f"; then
            wrong "control or bidirectional characters in ${f##*/}"
        fi
    done
}

# In milliseconds.
want_within () {
    [ "$took" -le "$1" ] || wrong "it took $took ms, not at most $1"
}

want_at_least () {
    [ "$took" -ge "$1" ] || wrong "it took $took ms, not at least $1"
}

# want COMMAND... - it succeeds.
want () {
    "$@" >"$W/want" 2>&1 || {
        wrong "this failed: $*"
        why="$why$(sed 's/^/  /' "$W/want")
"
    }
}

want_not () {
    ! "$@" >/dev/null 2>&1 || wrong "this should have failed: $*"
}

# No process, no socket, and the terminal as it was found.
want_nothing_left () {
    [ -z "$left" ] || wrong "left behind: $left"
    sockets=$(find "$W/run" "$W/home" "$W/tmp" -type s 2>/dev/null)
    [ -z "$sockets" ] || wrong "left behind: $sockets"
}

# One line that says what happened and what to do, in the program's own name.
want_one_line () {
    n=$(grep -c '^authplug ssh: ' "$W/err")
    [ "$n" = 1 ] || wrong "$n lines of authplug ssh's own, not 1"
    grep -Eq '^authplug ssh: .+: .+' "$W/err" ||
        wrong "no line 'authplug ssh: what happened: what to do'"
}

# -------------------------------------------------------------------- servers

# await FILE - until it is there; ten seconds at most.
await () {
    n=0
    while [ ! -e "$1" ]; do
        n=$((n + 1))
        [ "$n" -lt 500 ] || return 1
        sleep 0.02
    done
}

free_port () {
    "$PY" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0))
print(s.getsockname()[1])'
}

# asyncssh_start BEHAVIOUR... - see server.py; ports in $W/srv/BEHAVIOUR.port.
asyncssh_start () {
    need_asyncssh
    ssh-keygen -q -t ed25519 -N '' -C '' -f "$W/srv/server_key"
    "$PY" "$E2E/server.py" "$W/srv" "$@" >"$W/srv/output" 2>&1 &
    servers="$servers $!"
    for b in "$@"; do
        if ! await "$W/srv/$b.port"; then
            echo "Bail out! server.py does not start"
            note <"$W/srv/output"
            exit 1
        fi
    done
}

port () {
    cat "$W/srv/$1.port"
}

# What a server got from now on is looked for in its log.
forget () {
    : >"$W/srv/$1.log"
}

# want_log BEHAVIOUR TEXT - the server noted it (it may take a moment).
want_log () {
    n=0
    until grep -qF -- "$2" "$W/srv/$1.log"; do
        n=$((n + 1))
        if [ "$n" -ge 50 ]; then
            wrong "the server did not note: $2"
            wrong "it noted: $(cat "$W/srv/$1.log")"
            return
        fi
        sleep 0.02
    done
}

want_no_log () {
    ! grep -qF -- "$2" "$W/srv/$1.log" || wrong "the server noted: $2"
}

# key_line HOST PORT PUBLIC-KEY-FILE - a known_hosts line.
key_line () {
    if [ "$2" = 22 ]; then
        printf '%s ' "$1"
    else
        printf '[%s]:%s ' "$1" "$2"
    fi
    cut -d' ' -f1,2 "$3"
}

# client_config BEHAVIOUR... - $W/ssh_config and $W/known_hosts, with an alias
# for each; sshd_start adds its own.
client_config () {
    : >"$W/known_hosts"
    : >"$W/hosts"
    for b in "$@"; do
        [ "$b" = mute ] ||
            key_line 127.0.0.1 "$(port "$b")" "$W/srv/server_key.pub" \
                >>"$W/known_hosts"
        printf 'Host %s\n    HostName 127.0.0.1\n    Port %s\n' \
            "$b" "$(port "$b")" >>"$W/hosts"
    done
    cat >"$W/ssh_config" <<END
Include $W/hosts
Host *
    UserKnownHostsFile $W/known_hosts
    GlobalKnownHostsFile /dev/null
    StrictHostKeyChecking yes
    IdentityFile $W/no_such_key
    IdentitiesOnly yes
    IdentityAgent none
    UpdateHostKeys no
END
}

# -------------------------------------------------------------------- plugins

hello=$BUILD/examples/hello
hello_py=$SRC/examples/hello.py
hostile_py=$E2E/plugin_hostile.py

# plugin_status FILE COMMAND - a command line that runs the plugin and writes
# its exit status to FILE, without keeping its pipes open.
plugin_status () {
    cat >"$1.sh" <<END
exec 3<&0 4>&1 </dev/null >/dev/null
$2 <&3 >&4 3<&- 4>&- &
exec 3<&- 4>&-
wait \$!
echo \$? >$1.new
mv $1.new $1
END
    echo "exec sh $1.sh"
}

# want_status FILE N - the plugin ended with this exit status.
want_status () {
    if ! await "$1"; then
        wrong "the plugin did not end"
    elif [ "$(cat "$1")" != "$2" ]; then
        wrong "the plugin's exit status is $(cat "$1"), not $2"
    fi
    rm -f "$1"
}

# hostile DEED... - a command line for --plugin; see plugin_hostile.py. Words
# are quoted for the shell that it goes through.
hostile () {
    printf '%s' "$hostile_py"
    for word in "$@"; do
        printf " '%s'" "$(printf %s "$word" | sed "s/'/'\\\\''/g")"
    done
}

# The same without a shell that stays around the plugin.
hostile_alone () {
    printf 'exec '
    hostile "$@"
}

# ---------------------------------------------------------------- authplug ssh

# $W/login is `authplug ssh` with the tests' configuration, in one word.
login_program () {
    need_built authplug
    need_built authplug-ssh
    cat >"$W/login" <<END
#!/bin/sh
exec "$BUILD/authplug" ssh -F "$W/ssh_config" "\$@"
END
    chmod +x "$W/login"
    login=$W/login
}

# $W/through HOST PORT, for a ProxyCommand; leaves $W/went-through.
proxy_program () {
    cat >"$W/through" <<END
#!$PY
import os, select, socket, sys
open("$W/went-through", "w").close()
s = socket.create_connection((sys.argv[1], int(sys.argv[2])))
ways = {0: s.fileno(), s.fileno(): 1}
while len(ways) == 2:
    for fd in select.select(list(ways), [], [])[0]:
        data = os.read(fd, 65536)
        if data:
            while data:
                data = data[os.write(ways[fd], data):]
        else:
            ways.pop(fd)
END
    chmod +x "$W/through"
}

# want_failure REGEX - authplug ssh failed with one line that says this.
want_failure () {
    want_rc 255
    want_err_like "^authplug ssh: .*$1"
    want_one_line
    want_nothing_left
}
