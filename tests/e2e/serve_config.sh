#!/bin/sh
# authplug serve: how it starts, and why it does not.
. "${0%/*}/lib.sh"
. "${0%/*}/serve_lib.sh"
: >"$W/hosts"
: >"$W/known_hosts"
password_file
plain="PasswordFile $W/passwords"

# serve CONFIG LINE... - it is started, and is to fail.
serve () {
    : >"$W/conf"
    for line in "$@"; do printf '%s\n' "$line" >>"$W/conf"; done
    # shellcheck disable=SC2086
    run 10 "$BUILD/authplug" serve --config "$W/conf" --port 0 $root
}

# want_complaint TEXT - one line on standard error, which holds this.
want_complaint () {
    want_rc 111
    want_out_none
    want [ "$(wc -l <"$W/err")" = 1 ]
    want_err "authplug serve: $1"
}

# ------------------------------------------------------------- complaints

# each is: NUMBER OF LINE|WHAT IS SAID|LINES, of which ; ends one
while IFS='|' read -r number said lines; do
    it "it says what is wrong with: $lines"
    echo "$lines" | tr ';' '\n' >"$W/conf"
    # shellcheck disable=SC2086
    run 10 "$BUILD/authplug" serve --config "$W/conf" --port 0 $root
    want_complaint "$W/conf:$number: $said"
done <<END
1|Prot: a keyword of authplug-serve(1) was expected|Prot 22
2|Port: a number from 0 to 65535|# x;Port 65536
1|Port: a number from 0 to 65535|Port -1
1|Port: a number from 0 to 65535|Port 22x
1|Port: a value was expected|Port
2|port: once was expected; it is in line 1|Port 0;port 1
1|ListenAddress: an address in numbers was expected|ListenAddress localhost
1|ListenAddress: an address in numbers was expected|ListenAddress 127.0.0.1:22
1|LoginGraceTime: a number from 1 to 3600|LoginGraceTime 0
1|PasswordGuesses: a number from 1 to 100|PasswordGuesses 0
1|AuthKbdInt.Retries: a number from 1 to 100|AuthKbdInt.Retries 0
1|AllowedAuthentications: some of keyboard-interactive and password|AllowedAuthentications publickey
1|AllowedAuthentications: some of keyboard-interactive and password|AllowedAuthentications password,password
1|AllowedAuthentications: password: PasswordFile was expected, too|AllowedAuthentications password
1|RequiredAuthentications: password: PasswordFile was expected, too|RequiredAuthentications password;AuthKbdInt.Plugin x
1|AllowedAuthentications: keyboard-interactive: AuthKbdInt.Plugin|AllowedAuthentications keyboard-interactive
2|RequiredAuthentications: some of AllowedAuthentications|AllowedAuthentications password;RequiredAuthentications keyboard-interactive;$plain
1|AuthKbdInt.Required: some of plugin and password|AuthKbdInt.Required securid
1|AuthKbdInt.Required: plugin: AuthKbdInt.Plugin was expected, too|AuthKbdInt.Required plugin;$plain
1|AuthKbdInt.Optional: password: PasswordFile was expected, too|AuthKbdInt.Optional plugin,password;AuthKbdInt.Plugin x
2|AuthKbdInt.Optional: none that AuthKbdInt.Required has|AuthKbdInt.Required password;AuthKbdInt.Optional password;$plain
2|AuthKbdInt.NumOptional: no more than AuthKbdInt.Optional has|AuthKbdInt.Optional password;AuthKbdInt.NumOptional 2;$plain
1|AuthInteractiveFailureTimeout, which is 2, must be less than LoginGraceTime, which is 1|LoginGraceTime 1;$plain
2|AuthInteractiveFailureTimeout, which is 9, must be less than LoginGraceTime, which is 9|LoginGraceTime 9;AuthInteractiveFailureTimeout 9;$plain
END

it "a configuration by which nobody could log in is refused"
serve "LoginGraceTime 10"
want_complaint "$W/conf: nobody could log in"

it "a configuration that is not there is"
run 10 "$BUILD/authplug" serve --config "$W/none" $root
want_complaint "$W/none"

it "a configuration that others can change is"
echo "$plain" >"$W/open"
chmod 666 "$W/open"
run 10 "$BUILD/authplug" serve --config "$W/open" $root
want_complaint "$W/open"
want_err chmod

it "so is a password file that is not there, with the remedy"
serve "PasswordFile $W/no-passwords"
want_complaint "$W/no-passwords: "
want_err "authplug passwd --create"

it "one that others can read"
cp "$W/passwords" "$W/open_passwords"
chmod 640 "$W/open_passwords"
serve "PasswordFile $W/open_passwords"
want_complaint "$W/open_passwords: "
want_err "chmod"

it "one with a line that is no account, or that is none at all"
echo bob:sesame >"$W/bad_passwords"
serve "PasswordFile $W/bad_passwords"
want_complaint "$W/bad_passwords:1: this is no account: NAME:HASH"
serve "PasswordFile $W"
want_complaint "$W: "

it "a host key that others can read is"
cp "$W/ed25519" "$W/open_key"
chmod 644 "$W/open_key"
serve "$plain" "HostKeyFile $W/open_key"
want_complaint "$W/open_key"
want_err chmod

it "a host key with a passphrase is, and what is none"
ssh-keygen -q -t ed25519 -N secret -f "$W/locked_key"
serve "$plain" "HostKeyFile $W/locked_key"
want_complaint "$W/locked_key: not a private key without a passphrase"
serve "$plain" "HostKeyFile $W/passwords"
want_complaint "$W/passwords: not a private key"

it "an address that is not here is"
serve "$plain" "ListenAddress 192.0.2.1"
want_complaint "cannot listen on 192.0.2.1 port 0"

it "a port that is taken is"
serve_start taken "$plain"
# shellcheck disable=SC2086
run 10 "$BUILD/authplug" serve --config "$W/conf" --listen 127.0.0.1 \
    --port "$(serve_port taken)" $root
want_rc 111
want_err "cannot listen on"

# ---------------------------------------------------------------- options

it "root is refused without --allow-root"
if [ -n "$root" ]; then
    run 10 "$BUILD/authplug" serve --config "$W/conf"
    want_complaint "it does not run as root"
    want_err "--allow-root"
else
    lacking "root"
fi

it "misuse is told apart"
for words in "" "--config" "--config x y" "--config x --port 70000" \
    "--config x --port 1x" "--config x --listen localhost" "--foo"; do
    # shellcheck disable=SC2086
    run 10 "$BUILD/authplug" serve $words
    want_rc 2
    want [ "$(wc -l <"$W/err")" = 1 ]
    want_err "authplug serve: "
done

it "--help and --version"
run 10 "$BUILD/authplug" serve --help
want_rc 0
want_out "usage: authplug serve --config FILE"
run 10 "$BUILD/authplug-serve" --version
want_rc 0
want_out "authplug "

# ----------------------------------------------------------------- start

it "the first line says where it listens, and what for"
serve_start here "$plain"
want sh -c 'head -n 1 "$1" | grep -Eqx \
    "listening on 127\.0\.0\.1 port [0-9]+: for tests, demos and development"' \
    sh "$W/s/here/out"
want [ "$(grep -c '^listening' "$W/s/here/out")" = 2 ]
want grep -qx "host key ssh-ed25519 $(ssh-keygen -lf "$W/ed25519.pub" |
    cut -d' ' -f2)" "$W/s/here/out"

it "it listens nowhere else"
port=$(printf %04X "$(serve_port here)")
want [ "$(cat /proc/net/tcp /proc/net/tcp6 |
    awk -v p=":$port\$" '$2 ~ p && $4 == "0A" { print $2 }' | sort | tr '\n' ' ')" = \
    "00000000000000000000000001000000:$port 0100007F:$port " ]

it "a host key that is not given is made for the run"
sed -i '/HostKeyFile/d' "$W/s/here/conf"
for i in 1 2; do
    # shellcheck disable=SC2086
    run 10 --on "host key" kill:TERM --pty -- "$BUILD/authplug" serve \
        --config "$W/s/here/conf" --listen 127.0.0.1 $root
    want_rc 0
    want_screen "listening on 127.0.0.1 port "
    want_screen "host key ssh-ed25519 SHA256:"
    grep '^host key' "$W/screen" >"$W/key$i"
done
want_not cmp -s "$W/key1" "$W/key2"

it "keys of other types serve as well"
ssh-keygen -q -t ecdsa -N '' -f "$W/ecdsa"
ssh-keygen -q -t rsa -N '' -f "$W/rsa"
serve_start keys "$plain" "HostKeyFile $W/ecdsa" "HostKeyFile $W/rsa"
for type in ssh-ed25519 ecdsa-sha2-nistp256 rsa-sha2-512; do
    run 10 ssh -F none -o UserKnownHostsFile=/dev/null -o BatchMode=yes \
        -o StrictHostKeyChecking=no -o HostKeyAlgorithms=$type \
        -p "$(serve_port keys)" alice@127.0.0.1 true
    want_err "Permission denied (keyboard-interactive,password)"
done

it "the password file is read at each login"
talk here "password bob sesame"
want_out "failure keyboard-interactive,password"
sed 's/^alice:/bob:/' "$W/passwords" >"$W/passwords.new"
mv "$W/passwords.new" "$W/passwords"
talk here "password bob sesame"
want_out success

# ------------------------------------------------------------------- end

it "Ctrl-C ends it"
# shellcheck disable=SC2086
run 10 --on "host key" 'type:\x03' --pty -- \
    "$BUILD/authplug" serve --config "$W/s/here/conf" --listen 127.0.0.1 $root
want_rc 0

for signal in TERM HUP; do
    it "SIG$signal ends it, with all it has started"
    serve_start ends "AuthKbdInt.Plugin $(plugin ignore params ask '' A . \
        record "$W/ends.record" hold)"
    run 20 sh -c '
        "$1" "$2" "$3" "kbdint alice" "reply x" >"$4" &
        sleep 0.6; kill "-$5" "$6"; wait' sh "$PY" "$E2E/serve_client.py" \
        "$(serve_port ends)" "$W/talk" "$signal" "$(cat "$W/s/ends/pid")"
    wait "$(cat "$W/s/ends/pid")"
    want [ $? = 0 ]
    want grep -q '^closed' "$W/talk"
    want_idle ends
done

finish
