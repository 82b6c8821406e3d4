# serve_lib.sh - `authplug serve` on loopback, and clients that talk to it.
# Sourced after lib.sh.
#
#     serve_start NAME [CONFIG LINE]...
#
# writes $W/s/NAME/conf, out, log, port and pid. In the lines "plugin DEED..." is
# a command line for serve_plugin.py; its words have no blanks.

need_built authplug
need_built authplug-serve
need ssh openssh-client
need ssh-keygen openssh-client
need_asyncssh

root=
[ "$(id -u)" != 0 ] || root=--allow-root
ssh-keygen -q -t ed25519 -N '' -C '' -f "$W/ed25519"
# its own name, by which processes that are left can be found
ln -s "$E2E/serve_plugin.py" "$W/plugin"
plugin () {
    printf 'exec %s' "$W/plugin"
    for word in "$@"; do printf " '%s'" "$word"; done
}

serve_start () {
    name=$1
    shift
    rm -rf "${W:?}/s/$name"
    mkdir -p "$W/s/$name"
    {
        echo "Port 0"
        echo "HostKeyFile $W/ed25519"
        for line in "$@"; do printf '%s\n' "$line"; done
    } >"$W/s/$name/conf"
    # shellcheck disable=SC2086
    "$BUILD/authplug" serve --config "$W/s/$name/conf" $root \
        >"$W/s/$name/out" 2>"$W/s/$name/log" &
    echo $! >"$W/s/$name/pid"
    servers="$servers $!"
    n=0
    until grep -qs '^host key' "$W/s/$name/out"; do
        n=$((n + 1))
        if [ "$n" -ge 250 ] || ! kill -0 "$(cat "$W/s/$name/pid")"; then
            echo "Bail out! authplug serve does not start"
            note <"$W/s/$name/log"
            exit 1
        fi
        sleep 0.02
    done
    sed -n 's/^listening on 127.0.0.1 port \([0-9]*\): .*/\1/p' \
        "$W/s/$name/out" >"$W/s/$name/port"
    {
        key_line 127.0.0.1 "$(cat "$W/s/$name/port")" "$W/ed25519.pub"
        key_line ::1 "$(cat "$W/s/$name/port")" "$W/ed25519.pub"
    } >>"$W/known_hosts"
    printf 'Host %s\n    HostName 127.0.0.1\n    Port %s\n' \
        "$name" "$(cat "$W/s/$name/port")" >>"$W/hosts"
}

serve_port () { cat "$W/s/$1/port"; }

# Sends a signal, TERM if none is named, and waits for the end; rc is the exit
# status.
serve_stop () {
    kill "-${2:-TERM}" "$(cat "$W/s/$1/pid")"
    wait "$(cat "$W/s/$1/pid")"
    rc=$?
}

# talk NAME STEP... - see serve_client.py.
talk () {
    name=$1
    shift
    # shellcheck disable=SC2086
    run 30 "$PY" "$E2E/serve_client.py" ${times:+--times} \
        "$(serve_port "$name")" "$@"
}

# want_log NAME REGEX - serve logged such a line (it may take a moment).
want_serve_log () {
    n=0
    until grep -Eq -- "$2" "$W/s/$1/log"; do
        n=$((n + 1))
        if [ "$n" -ge 100 ]; then
            wrong "serve did not log: $2"
            wrong "it logged: $(tail -n 5 "$W/s/$1/log")"
            return
        fi
        sleep 0.02
    done
}

want_no_serve_log () {
    ! grep -Eq -- "$2" "$W/s/$1/log" || wrong "serve logged: $2"
}

# The line is not on standard output.
want_no_out () {
    ! grep -qxF -- "$1" "$W/out" || wrong "on standard output: $1"
}

# want_idle NAME - soon no connection is left, no plugin, no file.
want_idle () {
    n=0
    while [ -n "$(ps -o pid= --ppid "$(cat "$W/s/$1/pid")")" ] ||
        pgrep -f "$W/plugin" >/dev/null; do
        n=$((n + 1))
        if [ "$n" -ge 150 ]; then
            wrong "processes are left: $(ps -o pid=,args= --ppid \
                "$(cat "$W/s/$1/pid")"; pgrep -af "$W/plugin")"
            return
        fi
        sleep 0.02
    done
    [ -z "$(ls -A "$W/tmp")" ] || wrong "files are left in $W/tmp"
}

# want_ms LEAST MOST LINE - the line took this long, by --times.
want_ms () {
    ms=$(sed -n "s/^\\([0-9]*\\) $3.*/\\1/p" "$W/out" | tail -n 1)
    [ -n "$ms" ] || { wrong "there is no line: $3"; return; }
    [ "$ms" -ge "$1" ] && [ "$ms" -le "$2" ] ||
        wrong "'$3' took $ms ms, not from $1 to $2"
}

# A file of passwords with one account that is fine and one that has expired.
password_file () {
    "$PY" -W ignore - "$W/passwords" <<'END'
import crypt, os, sys, time
today = int(time.time()) // 86400
hash = crypt.crypt("sesame", crypt.mksalt(crypt.METHOD_SHA512))
old = os.umask(0o077)
with open(sys.argv[1], "w") as file:
    file.write(f"alice:{hash}:{today}:\nexpired:{hash}:1:30\n")
END
}
