#!/bin/sh
# authplug answer and a menu with a push, as Duo's and others' are: a real sshd
# with PAM asks it, `authplug ssh` and plink log in. Pushes are counted.
# shellcheck disable=SC2016 # dollars are the rules'
. "${0%/*}/pam_lib.sh"
need plink putty-tools
need ssh-keygen openssh-client
. "$E2E/sshd.sh"
authplug=$BUILD/authplug
login_program

# The menu of $W/options, whose options are lines; what is chosen goes by its
# text. The lines above the prompt are pam_echo's: sshd makes one prompt of all,
# as it does of Duo's. A push is approved once $W/approve is there, and denied
# after five seconds.
plugin menu <<'END'
params
ask "req_echo:Passcode or option (1-$(grep -c . $w/options)): "
case $(sed -n "${r1:-0}p" $w/options 2>/dev/null) in
*"Push to phone"*) echo push >>$w/pushes ;;
*) [ -z "$r1" ] || echo "other $r1" >>$w/pushes ;; # or who was asked has gone
esac
i=0
while [ ! -e $w/approve ] && [ $i -lt ${1:-250} ]; do
    i=$((i + 1))
    sleep 0.02
done
verdict "$([ -e $w/approve ] && tail -n 1 $w/pushes)" push
END
sed -i "s|\$w/|$W/|g" "$plugins/menu"

pam_services
client_config
echo="auth optional pam_echo.so file=$W/shown"
ask="MODULE [plugin=$plugins/menu TRIES] min_time=0 timeout=20"
ok="account required pam_permit.so"
# one asks once and waits long, the other asks again in the same dialogue
service ../pam.d/sshd-menu "$echo" "auth required ${ask%TRIES*}250${ask#*TRIES}" \
    "$ok" "session required pam_permit.so"
service ../pam.d/sshd-quick "$echo" \
    "auth sufficient ${ask%TRIES*}5${ask#*TRIES}" "$echo" \
    "auth required ${ask%TRIES*}5${ask#*TRIES}" "$ok" \
    "session required pam_permit.so"
for name in menu quick; do
    ln -s /usr/sbin/sshd "$W/sbin/sshd-$name"
    sshd_start "$name" "service=sshd-$name"
done
mkdir -p "$W/putty/sessions"
PUTTYDIR=$W/putty
export PUTTYDIR
key=$(ssh-keygen -lf "$W/ed25519.pub" | cut -d' ' -f2)

push='Request "(.*[^0-9])?([0-9]+)[.] [^[:cntrl:]]*Push to phone.*option [(].*:"'
rules () {
    printf '%s\n' "$@" >"$W/answers"
    chmod 600 "$W/answers"
}
menu () {
    printf '%s\n' "$@" >"$W/options"
    {
        printf 'Two-factor login for %%u\n\n'
        nl "$W/options" | sed 's/^ *\([0-9]*\)\t/ \1. /'
        echo
    } >"$W/shown"
    : >"$W/pushes"
    rm -f "$W/approve"
}

# log_in CLIENT SERVER [run.py's option]... - with the plugin answering.
log_in () {
    client=$1 server=$2
    shift 2
    case $client in
    ssh)
        run 20 --pty "$@" -- "$login" ${batch:+"--batch"} --plugin \
            "exec $authplug answer ${batch:+"--batch"} --config $W/answers" \
            "$server" 'echo logged in' ;;
    plink)
        cat >"$W/putty/sessions/s" <<END
Protocol=ssh
HostName=127.0.0.1
PortNumber=$(sshd_port "$server")
TryAgent=0
AuthPlugin=$authplug answer ${batch:+"--batch"} --config $W/answers
END
        run 20 --pty "$@" -- plink ${batch:+"-batch"} -load s -hostkey "$key" \
            -no-antispoof -l "$me" 'echo logged in' ;;
    esac
}
batch=

# Once the user can see what was chosen, they approve.
approve () {
    n=0
    until grep -qs "then it is the server's turn" "$W/screen" &&
        [ -s "$W/pushes" ]; do
        n=$((n + 1))
        [ $n -lt 400 ] || return
        sleep 0.02
    done
    cp "$W/pushes" "$W/pushes.seen"
    : >"$W/approve"
}

want_pushes () {
    printf '%s' "$1" | cmp -s - "$W/pushes" ||
        wrong "the server noted: $(cat "$W/pushes")"
}

for client in ssh plink; do
    rules 'Host 127.0.0.1 menu quick' "$push" 'Response $2$'

    it "$client: the option is found by its text, seen, and waited for"
    menu "Phone call to XXX-1234" "Duo Push to phone (iOS 17)" "SMS passcodes"
    approve &
    log_in $client menu
    wait $!
    want_rc 0
    want_screen "logged in"
    want_screen "Two-factor login for $me"
    want_screen " 1. Phone call to XXX-1234"
    want_screen "Passcode or option (1-3): 2"
    want_pushes "push
"
    want_nothing_left

    it "$client: where its number is another, that is sent"
    menu "Push to phone" "Call"
    : >"$W/approve"
    log_in $client menu
    want_rc 0
    want_screen "Passcode or option (1-2): 1"
    menu a b c d e f g h i j "Push to tablet" "Push to phone"
    : >"$W/approve"
    log_in $client menu
    want_rc 0
    want_screen "Passcode or option (1-12): 12"
    want_pushes "push
"

    it "$client: after a push that was denied there is no second one"
    menu "Push to phone" "Call"
    batch=y
    log_in $client quick
    batch=
    want_not [ "$rc" = 0 ]
    want_no_screen "logged in"
    want_pushes "push
"
    want_nothing_left

    it "$client: but the user may choose, and knows why they are asked"
    menu "Push to phone" "Call"
    log_in $client quick --on "Passcode or option (1-2): 1" 'type:' \
        --on "may not be again" 'type:' \
        --on "Passcode or option (1-2): " 'type:2\n'
    want_not [ "$rc" = 0 ]
    want_screen "was used 1 time in this login"
    want_pushes "push
other 2
"

    it "$client: without the option nothing is chosen"
    menu "Call" "Push to tablet"
    batch=y
    log_in $client menu
    batch=
    want_not [ "$rc" = 0 ]
    want_screen 'no rule matches "Passcode or option (1-2):"'
    want_pushes ""

    it "$client: with Confirm the menu is shown, and the option named"
    rules 'Host *' "$push" 'Confirm yes' 'Response $2$'
    menu "Call" "Push to phone"
    : >"$W/approve"
    log_in $client menu --on ' 2. Push to phone' 'type:' \
        --on 'Send "2" (line 2) for "Passcode or option (1-2):" to' 'type:y\n'
    want_rc 0
    want_pushes "push
"
    menu "Call" "Push to phone"
    log_in $client menu --on '(1-2):" to' 'type:n\n'
    want_not [ "$rc" = 0 ]
    want_pushes ""

    it "$client: the text of the option is the user's to give"
    rules 'Host *' \
        'Request "(.*[^0-9])?([0-9]+)[.] Call to 1234[^0-9].*option.*:"' \
        'Response $2$'
    menu "Call to 12345" "Call to 1234" "Push to phone"
    batch=y
    log_in $client quick
    batch=
    want_pushes "other 2
"
done

finish
