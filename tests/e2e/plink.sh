#!/bin/sh
# The example plugins under real plink, against a real sshd and against a
# server that asks for more than sshd ever does.
. "${0%/*}/lib.sh"
need plink putty-tools
need ssh-keygen openssh-client
need_built examples/hello
. "$E2E/sshd.sh"

asyncssh_start normal fail partial drop noprompt refuse exact nul many
: >"$W/hosts"
: >"$W/known_hosts"
sshd_start pam
sshd_start twosteps service=sshd-two

mkdir -p "$W/putty/sessions"
PUTTYDIR=$W/putty
export PUTTYDIR

# session NAME PORT COMMAND - what plink knows of a plugin is in saved sessions.
session () {
    cat >"$W/putty/sessions/$1" <<END
Protocol=ssh
HostName=127.0.0.1
PortNumber=$2
TryAgent=0
AuthPlugin=$3
END
}

fingerprint () {
    ssh-keygen -lf "$1" | cut -d' ' -f2
}
asyncssh_key=$(fingerprint "$W/srv/server_key.pub")
sshd_key=$(fingerprint "$W/ed25519.pub")

# plink BEHAVIOUR PLUGIN'S COMMAND LINE - alice logs in and greets.
plink () {
    session s "$(port "$1")" "$2"
    run 10 plink -batch -load s -hostkey "$asyncssh_key" -l alice \
        'echo hi; whoami; exit 7'
}

for plugin in "$hello" "$hello_py"; do
    name=${plugin##*/}

    it "$name answers two prompts and a round without any"
    forget normal
    plink normal "$plugin stoat weasel"
    want_rc 7
    want_out_is hi alice
    want_quiet
    want_log normal '"body": "000000020000000573746f61740000000677656173656c"'
    want_log normal '"body": "00000000", "answers": []'
    want_nothing_left

    it "$name ends in good order with the login"
    plink normal "$(plugin_status "$W/status" "$plugin stoat weasel")"
    want_rc 7
    want_status "$W/status" 0
    want_nothing_left

    it "$name ends in good order when its answers are wrong"
    plink normal "$(plugin_status "$W/status" "$plugin stoat marten")"
    want_rc 1
    want_err "Access denied"
    want_status "$W/status" 0
    want_nothing_left

    it "$name tells the user that the server asks too much, and plink ends"
    plink normal "$plugin stoat"
    want_rc 1
    want_err "hello: the server asks more than I was told"
    want_within 3000
    want_nothing_left

    it "$name has exit status 1 then"
    plink normal "$(plugin_status "$W/status" "$plugin stoat")"
    want_rc 1
    want_status "$W/status" 1
    want_nothing_left

    it "$name survives that the server lets everyone in without a question"
    plink noprompt "$(plugin_status "$W/status" "$plugin")"
    want_rc 7
    want_status "$W/status" 0

    it "$name survives that the server refuses without a question"
    plink refuse "$(plugin_status "$W/status" "$plugin stoat weasel")"
    want_rc 1
    want_status "$W/status" 0

    it "$name survives that the server goes away in the dialogue"
    plink drop "$(plugin_status "$W/status" "$plugin stoat weasel")"
    want_rc 1
    want_status "$W/status" 0

    it "$name survives that plink gives up after partial success"
    plink partial "$(plugin_status "$W/status" "$plugin stoat weasel")"
    want_rc 1
    want_status "$W/status" 0

    it "$name answers prompts that hold NUL bytes and invalid UTF-8"
    plink nul "$plugin stoat"
    want_rc 7

    it "$name sends UTF-8 and an empty answer as they were given"
    forget exact
    plink exact "$plugin 'Grüße' ''"
    want_rc 7
    want_log exact '"body": "00000002000000074772c3bcc39f6500000000"'

    it "$name is no help against 300 prompts, and plink ends"
    plink many "$plugin stoat weasel"
    want_rc 1
    want_within 3000
    want_nothing_left

    it "$name gives a real sshd its PAM password, byte by byte"
    session s "$(sshd_port pam)" "$plugin '$password'"
    run 10 plink -batch -load s -hostkey "$sshd_key" -l "$me" \
        'echo from sshd; exit 3'
    want_rc 3
    want_out "from sshd"
    want_sshd_log pam "Accepted keyboard-interactive/pam for $me"
    want_nothing_left

    it "$name is told that a real sshd refuses a wrong password"
    session s "$(sshd_port pam)" "$(plugin_status "$W/status" "$plugin wrong")"
    run 20 plink -batch -load s -hostkey "$sshd_key" -l "$me" 'echo no'
    want_rc 1
    want_err "Access denied"
    want_status "$W/status" 0
    want_nothing_left
done

# hello gives its first argument to the first prompt of each request, and PAM
# asks one prompt a request
it "hello gives the same answer to both of sshd's requests, and is refused"
session s "$(sshd_port twosteps)" "$hello '$password' '$second'"
run 20 plink -batch -load s -hostkey "$sshd_key" -l "$me" 'echo no'
want_rc 1
want_err "Access denied"
want_nothing_left

# PLUGIN_INIT with a version and no username
init () {
    echo "01 0000000$1 00000006 736572766572 00000016 00000000"
}
password_method='03 00000008 70617373776f7264'
kbdint_method='03 00000014 6b6579626f6172642d696e746572616374697665'

for plugin in "$hello" "$hello_py"; do
    name=${plugin##*/}

    it "$name speaks the protocol to the byte"
    run 10 "$PY" "$E2E/converse.py" "$(init 2)" "$password_method" \
        "$kbdint_method" \
        '14 00000000 00000000 00000000 00000002 00000000 01 00000000 00' \
        '14 00000000 00000000 00000000 00000000' '!06' \
        -- "$plugin" stoat weasel
    want_rc 0
    want_quiet
    want_out_is 020000000200000000 0500000000 04 \
        15000000020000000573746f61740000000677656173656c 1500000000

    it "$name speaks draft version 1, whose refusal has no text"
    run 10 "$PY" "$E2E/converse.py" "$(init 1)" "$password_method" \
        -- "$plugin" stoat
    want_rc 0
    want_quiet
    want_out_is 020000000100000000 05

    it "$name picks version 2 of a client that knows 9"
    run 10 "$PY" "$E2E/converse.py" "$(init 9)" -- "$plugin" stoat
    want_rc 0
    want_out_is 020000000200000000

    it "$name refuses a client that offers version 0, and waits for its end"
    run 10 "$PY" "$E2E/converse.py" "$(init 0)" -- "$plugin" stoat
    want_rc 1
    want_quiet
    want grep -q '^080000002b6e6f2076657273696f6e' "$W/out"

    it "$name does not mind a client that goes away at once"
    run 10 "$PY" "$E2E/converse.py" -- "$plugin" stoat
    want_rc 0
    want_quiet

    it "$name ends with status 111 when the client makes no sense"
    run 10 "$PY" "$E2E/converse.py" 2a -- "$plugin" stoat
    want_rc 111
    want_out_is end
done

it "the two examples tell a person who starts them by hand what they are"
for plugin in "$hello" "$hello_py"; do
    run 5 --pty -- "$plugin" stoat
    want_rc 2
    want_screen "started by an SSH client"
    want_nothing_left
done

finish
