#!/bin/sh
# Is it the right server? As OpenSSH decides it, for every way it can know.
. "${0%/*}/lib.sh"
need ssh openssh-client
need ssh-keygen openssh-client
need_built examples/hello
. "$E2E/sshd.sh"
login_program
client_config
: >"$W/hosts"
sshd_start pam keys=ed25519,ecdsa,rsa
port=$(sshd_port pam)
plugin=$(hostile "record=$W/record" -- "$password")
known=$W/kh
touch "$W/empty"

ssh-keygen -q -t ed25519 -N '' -C '' -f "$W/other"
ssh-keygen -q -t ecdsa -N '' -C '' -f "$W/other_ecdsa"

# bare FILE - a public key without its comment.
bare () {
    cut -d' ' -f1,2 "$W/$1.pub"
}

# line TYPE - the server's key of that type, as known_hosts has it.
line () {
    key_line 127.0.0.1 "$port" "$W/$1.pub"
}

fingerprint () {
    ssh-keygen -lf "$1" | cut -d' ' -f2
}

# connect OPTIONS... - a login that knows the keys in $known only. Stock ssh
# must think the same of the key.
connect () {
    rm -f "$W/record"
    cp "$known" "$W/kh_stock"
    ssh -F "$W/ssh_config" "$@" -o BatchMode=yes \
        -o UserKnownHostsFile="$W/kh_stock" \
        -o PreferredAuthentications=none pam true 2>"$W/stock"
    run 20 "$login" "$@" -o UserKnownHostsFile="$known" --timeout 15 \
        --plugin "$plugin" pam 'echo in'
    if grep -q 'Permission denied' "$W/stock"; then
        [ "$rc" = 0 ] || wrong "stock ssh takes this key"
    else
        [ "$rc" != 0 ] || wrong "stock ssh refuses this key"
    fi
}

want_in () {
    want_rc 0
    want_out_is in
    want_nothing_left
}

# The plugin has not even been started.
want_no_plugin () {
    [ ! -e "$W/record" ] || wrong "the plugin was asked"
}

# -------------------------------------------------------------------- known

it "a key that is known lets the plugin answer"
line ed25519 >"$known"
connect
want_in
want_quiet

for type in ecdsa rsa; do
    it "a server whose $type key alone is known is asked for that one"
    line "$type" >"$known"
    connect
    want_in
    want_quiet
done

it "a known key beside one of another type is enough"
{ line rsa; key_line 127.0.0.1 "$port" "$W/ecdsa.pub"; } >"$known"
connect
want_in

it "hashed lines are read"
line ed25519 >"$known"
ssh-keygen -q -H -f "$known" >/dev/null 2>&1
rm -f "$known.old"
want_not grep -q 127.0.0.1 "$known"
connect
want_in

it "a key that is known without a port counts for every port"
key_line 127.0.0.1 22 "$W/ed25519.pub" >"$known"
connect
want_in

it "a key that is known for another port does not"
key_line 127.0.0.1 2 "$W/ed25519.pub" >"$known"
connect
want_failure .
want_no_plugin

it "another key that is known without a port does not make it a changed one"
key_line 127.0.0.1 22 "$W/other.pub" >"$known"
connect
want_rc 255
want_no_err "has changed"
want_no_plugin

it "patterns and several files are read"
{ printf '[127.0.0.*]:%s ' "$port"; bare ed25519; } >"$W/kh2"
: >"$known"
connect -o "UserKnownHostsFile=$known $W/kh2"
want_in

it "the global file counts as well"
: >"$known"
connect -o GlobalKnownHostsFile="$W/kh2"
want_in

it "HostKeyAlias is the name looked up, without a port"
{ printf 'the-alias '; bare ed25519; } >"$known"
connect -o HostKeyAlias=the-alias
want_in

it "a comment, an empty and a broken line are passed over"
{ echo "# comment"; echo; echo "broken line"; line ed25519; } >"$known"
connect
want_in

# ------------------------------------------------------------------ unknown

it "an unknown key is refused with --batch, and the plugin is not started"
: >"$known"
connect -o BatchMode=yes
want_failure "known"
want_no_plugin
want [ ! -s "$known" ]

it "--batch is BatchMode=yes"
run 20 "$login" --batch -o StrictHostKeyChecking=ask \
    -o UserKnownHostsFile="$known" --plugin "$plugin" pam 'echo in'
want_failure "known"
want_no_plugin

it "an unknown key is refused where nobody can be asked"
connect
want_failure .
want_no_plugin

it "an unknown key is refused with StrictHostKeyChecking=yes"
connect -o StrictHostKeyChecking=yes
want_failure .
want_no_plugin

ask () {
    rm -f "$W/record"
    run 20 --pty "$@" -- "$login" -o UserKnownHostsFile="$known" \
        -o StrictHostKeyChecking=ask --plugin "$plugin" pam 'echo in'
}

it "at a terminal the fingerprint is shown; yes goes on and remembers the key"
: >"$known"
ask --on '(yes/no' 'type:yes\n'
want_rc 0
want_screen "$(fingerprint "$W/ed25519.pub")"
want_nothing_left
want ssh-keygen -F "[127.0.0.1]:$port" -f "$known"
run 20 "$login" -o UserKnownHostsFile="$known" --plugin "$plugin" pam 'echo in'
want_rc 0

it "no ends it, and nothing is remembered"
: >"$known"
ask --on '(yes/no' 'type:no\n'
want_rc 255
want [ ! -s "$known" ]
want_no_plugin
want_nothing_left

it "the fingerprint itself is an answer"
: >"$known"
ask --on '(yes/no' "type:$(fingerprint "$W/ed25519.pub")\\n"
want_rc 0
want [ -s "$known" ]

it "another fingerprint is none"
: >"$known"
ask --on '(yes/no' "type:$(fingerprint "$W/other.pub")\\n" --on 'es' 'type:no\n'
want_rc 255
want [ ! -s "$known" ]
want_no_plugin

it "anything else is asked again"
: >"$known"
ask --on '(yes/no' 'type:perhaps\n' --on "'yes', 'no'" 'type:yes\n'
want_rc 0

it "HashKnownHosts hashes what is remembered"
: >"$known"
run 20 --pty --on '(yes/no' 'type:yes\n' -- "$login" \
    -o UserKnownHostsFile="$known" -o StrictHostKeyChecking=ask \
    -o HashKnownHosts=yes --plugin "$plugin" pam 'echo in'
want_rc 0
want grep -q '^|1|' "$known"
want_not grep -q 127.0.0.1 "$known"

it "StrictHostKeyChecking=accept-new goes on and remembers"
: >"$known"
connect -o StrictHostKeyChecking=accept-new
want_in
want ssh-keygen -F "[127.0.0.1]:$port" -f "$known"

it "StrictHostKeyChecking=no does as well"
: >"$known"
connect -o StrictHostKeyChecking=no
want_in
want ssh-keygen -F "[127.0.0.1]:$port" -f "$known"

it "a file that cannot be written to is said to, and the login goes on"
connect -o StrictHostKeyChecking=accept-new \
    -o UserKnownHostsFile="$W/empty/known_hosts"
want_rc 0
want_out in

# ------------------------------------------------------------------ changed

changed () {
    echo "# the first line is a comment" >"$known"
    key_line 127.0.0.1 "$port" "$W/other.pub" >>"$known"
}

it "a changed key is refused, with the file and the line that say otherwise"
changed
connect
want_rc 255
want_err "has changed"
want_err_like "(line 2 of $known|$known:2)"
want_no_plugin
want_nothing_left
want_err "$(fingerprint "$W/ed25519.pub")"

it "a changed key is refused at a terminal without a question"
changed
ask
want_rc 255
want_no_screen "(yes/no"
want_no_plugin

it "accept-new does not take a changed key"
changed
connect -o StrictHostKeyChecking=accept-new
want_rc 255
want_err "has changed"
want_no_plugin

it "with StrictHostKeyChecking=no a changed key gets no secrets, as with ssh"
changed
run 20 "$login" --batch -o StrictHostKeyChecking=no \
    -o UserKnownHostsFile="$known" --plugin "$plugin" pam 'echo in'
want_rc 255
want_no_plugin
want_err "has changed"

it "an old key on a line before the right one does no harm"
{ key_line 127.0.0.1 "$port" "$W/other.pub"; line ed25519; } >"$known"
connect
want_in

# ------------------------------------------------------------------ revoked

it "@revoked in known_hosts refuses a key that is also known"
{ line ed25519; printf '@revoked * '; bare ed25519; } >"$known"
connect
want_failure "revoked"
want_no_plugin

it "even with StrictHostKeyChecking=no, where stock ssh only warns"
run 20 "$login" -o StrictHostKeyChecking=no -o UserKnownHostsFile="$known" \
    --plugin "$plugin" pam 'echo in'
want_failure "revoked"
want_no_plugin

it "another key's revocation does not matter"
{ line ed25519; printf '@revoked * '; bare other; } >"$known"
connect
want_in

it "RevokedHostKeys, as a list of keys, refuses"
line ed25519 >"$known"
cp "$W/ed25519.pub" "$W/revoked"
connect -o RevokedHostKeys="$W/revoked"
want_failure "revoked"
want_no_plugin

it "RevokedHostKeys, as a revocation list in binary, refuses"
ssh-keygen -q -k -f "$W/krl" "$W/ed25519.pub"
connect -o RevokedHostKeys="$W/krl"
want_failure "revoked"
want_no_plugin

it "RevokedHostKeys that name other keys let it pass"
ssh-keygen -q -k -f "$W/krl" "$W/other.pub"
connect -o RevokedHostKeys="$W/krl"
want_in

it "RevokedHostKeys that cannot be read refuse everything, as with ssh"
connect -o RevokedHostKeys="$W/no-such-file"
want_rc 255
want_no_plugin

it "RevokedHostKeys that hold anything else refuse everything, as with ssh"
line ed25519 >"$known"
{ bare other; echo garbage; } >"$W/revoked"
connect -o RevokedHostKeys="$W/revoked"
want_rc 255
want_no_plugin

it "a key that is commented out there does not count"
{ echo "# $(bare ed25519)"; echo; bare other; } >"$W/revoked"
connect -o RevokedHostKeys="$W/revoked"
want_in

it "RevokedHostKeys that never end do not hold the login up"
mkfifo "$W/fifo"
run 15 "$login" -o UserKnownHostsFile="$known" --timeout 4 \
    -o RevokedHostKeys="$W/fifo" --plugin "$plugin" pam 'echo in'
want_failure "revoked"
want_within 4000

it "@revoked in a file with a blank in its name counts"
mkdir -p "$W/with blank"
{ printf '@revoked * '; bare ed25519; } >"$W/with blank/kh"
run 20 "$login" -o "UserKnownHostsFile=$known \"$W/with blank/kh\"" \
    --plugin "$plugin" pam 'echo in'
want_failure "revoked"

it "lines that end as on Windows are read"
line ed25519 | sed "s/\$/$(printf '\r')/" >"$known"
connect
want_in

it "a name that looks like an address is no local host"
: >"$known"
run 20 "$login" -o UserKnownHostsFile="$known" --plugin "$plugin" \
    -o NoHostAuthenticationForLocalhost=yes -o HostKeyAlias=127.evil.example \
    pam 'echo in'
want_failure "127.evil.example"

it "a local one needs no key, where that is configured"
connect -o NoHostAuthenticationForLocalhost=yes
want_in

it "KnownHostsCommand is not passed over"
line ed25519 >"$known"
run 20 "$login" -o UserKnownHostsFile="$known" --plugin "$plugin" \
    -o KnownHostsCommand=/bin/false pam 'echo in'
want_failure "KnownHostsCommand"

# -------------------------------------------------------------- authorities

it "a host that is known by certificate authority is left to stock ssh"
ssh-keygen -q -s "$W/other" -I host -h -n 127.0.0.1 "$W/ed25519.pub"
sshd_start certified "HostCertificate $W/ed25519-cert.pub"
{ printf '@cert-authority 127.0.0.1,[127.0.0.1]:* '
    bare other; } >"$known"
cat >"$W/askpass" <<END
#!/bin/sh
echo '$password'
END
chmod +x "$W/askpass"
run 20 env SSH_ASKPASS="$W/askpass" SSH_ASKPASS_REQUIRE=force "$login" \
    -o UserKnownHostsFile="$known" --plugin "$plugin" certified 'echo in'
want_rc 0
want_out_is in
want_nothing_left

it "also where an old key of it is known besides"
{ printf '@cert-authority 127.0.0.1,[127.0.0.1]:* '
    bare other
    key_line 127.0.0.1 "$(sshd_port certified)" "$W/other.pub"; } >"$known"
run 20 env SSH_ASKPASS="$W/askpass" SSH_ASKPASS_REQUIRE=force "$login" \
    -o UserKnownHostsFile="$known" --plugin "$plugin" certified 'echo in'
want_rc 0
want_out_is in
want_nothing_left

finish
