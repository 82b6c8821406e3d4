#!/bin/sh
# pam_authplug.so under a real sshd: what the users of stock ssh and of plink
# see, and who gets in.
. "${0%/*}/pam_lib.sh"
need plink putty-tools
need ssh-keygen openssh-client
. "$E2E/sshd.sh"
preload=$BUILD/tests/syslog_shim.so
SYSLOG_SHIM=$W/log
export SYSLOG_SHIM
: >"$W/log"
quick="min_time=300"

# stack NAME LINE... - a service sshd-NAME, and a server for it.
stack () {
    name=$1
    shift
    pam_services
    service "../pam.d/sshd-$name" "$@" "session required pam_permit.so"
    ln -s /usr/sbin/sshd "$W/sbin/sshd-$name"
    sshd_start "$name" "service=sshd-$name" ${also:+"$also"}
}

plugin ask <<'END'
params
ask "instruction:Please tell me." "req:Secret: " "req_echo:Color: "
one=$r1
ask "req:Again: "
verdict "$one$r1" sesamesesame
END
plugin notice <<'END'
params
ask "instruction:Approve 42 on your phone."
verdict "$n" 0
END
plugin yes <<'END'
params
echo success
END
plugin no <<'END'
params
echo failure
echo "error_msg:Come back tomorrow, $(param user_name)."
END
plugin old <<'END'
params
echo failure
echo error_code:password_too_old
echo "error_msg:Your password is 90 days old."
END
plugin change <<'END'
params
if [ "$(param old_password)$(param new_password)" = sesamefresh ]; then
    echo success
else
    echo "error_msg:BAD PASSWORD"
    echo failure
fi
END
plugin show <<'END'
params
echo "$all" >$1
tr '\0' '\n' </proc/$$/environ | grep -v ^PATH= >>$1
ls /proc/$$/fd >>$1
ask "req:Secret: "
verdict "$r1" sesame
END
plugin wait <<'END'
echo $$ >$1
params
ask "req:Secret: "
sleep 30
END

client_config
ok="account required pam_permit.so"
stack ask "auth required MODULE plugin=$plugins/ask $quick" "$ok"
stack notice "auth required MODULE plugin=$plugins/notice $quick" "$ok"
stack no "auth required MODULE plugin=$plugins/yes" \
    "account required MODULE plugin=$plugins/no $quick"
# unlike pam_matrix it leaves PAM_AUTHTOK to others
printf '#!/bin/sh\n[ "$(tr -d "\\000")" = sesame ]\n' >"$plugins/check"
chmod 755 "$plugins/check"
stack old "auth required pam_exec.so quiet expose_authtok $plugins/check" \
    "auth required MODULE remember" \
    "account required MODULE plugin=$plugins/old $quick" \
    "password required MODULE plugin=$plugins/change $quick"
stack show "auth required MODULE [plugin=$plugins/show $W/params] $quick" "$ok"
stack wait "auth required MODULE [plugin=$plugins/wait $W/pid] timeout=3 $quick" \
    "$ok"
also="PasswordAuthentication yes"
stack password "auth required $modules/pam_matrix.so passdb=$W/passdb-pw" \
    "account required MODULE plugin=$plugins/no $quick"
echo "$me:sesame:sshd-password" >"$W/passdb-pw"
also=

mkdir -p "$W/putty/sessions"
PUTTYDIR=$W/putty
export PUTTYDIR
key=$(ssh-keygen -lf "$W/ed25519.pub" | cut -d' ' -f2)

# Typed at the terminal of either: log_in CLIENT SERVER [--on TEXT DO]...
log_in () {
    client=$1 server=$2
    shift 2
    : >"$W/log"
    case $client in
    ssh) run 20 --pty "$@" -- ssh -F "$W/ssh_config" -o \
        NumberOfPasswordPrompts=1 ${as:+-l "$as"} "$server" \
        'echo logged in' ;;
    plink) run 20 --pty "$@" -- plink -ssh -P "$(sshd_port "$server")" \
        -hostkey "$key" -noagent -no-antispoof -l "${as:-$me}" 127.0.0.1 \
        'echo logged in' ;;
    esac
}
as=

for client in ssh plink; do
    it "$client shows the instruction and all prompts, and gets in"
    log_in $client ask --on 'Secret:' 'type:sesame\n' \
        --on 'Color:' 'type:blue\n' --on 'Again:' 'type:sesame\n'
    want_rc 0
    want_screen "logged in"
    want_screen "Please tell me."
    want_logged outcome accepted user "$me" service sshd-ask rhost 127.0.0.1

    it "$client does not with a wrong answer"
    log_in $client ask --on 'Secret:' 'type:wrong\n' \
        --on 'Color:' 'type:blue\n' --on 'Again:' 'type:sesame\n' \
        --on 'Secret:' 'type:\x03' --on 'Access denied' 'type:\x03'
    want_not [ "$rc" = 0 ]
    want_no_screen "logged in"
    want grep -q '"rejected"' "$W/log"
    want_at_least 300

    it "$client shows an instruction that no prompt follows"
    log_in $client notice --on 'Approve 42 on your phone.' 'type:\n'
    want_rc 0
    want_screen "logged in"
    want_screen "Press Return to continue: "

    it "$client shows why access is denied after the login"
    log_in $client no --on 'Come back' 'type:\x03'
    want_not [ "$rc" = 0 ]
    want_screen "Come back tomorrow, $me."
    want_no_screen "logged in"
    want grep -q '"event":"auth".*"accepted"' "$W/log"
    want_logged event account outcome rejected message "*Come back"
    [ "$(grep -oE '"id":"[0-9a-f]*"' "$W/log" | sort -u | wc -l)" = \
        "$(grep -c '"event":"auth"' "$W/log")" ] ||
        wrong "auth and account have different ids"

    it "$client shows it where a password opened the door"
    log_in $client password --on "assword:" 'type:sesame\n' \
        --on 'Come back' 'type:\x03'
    want_not [ "$rc" = 0 ]
    want_screen "Come back tomorrow, $me."

    it "$client changes a password that is too old, the old one remembered"
    log_in $client old --on 'assword:' 'type:sesame\n' \
        --on 'New password:' 'type:weak\n' --on 'Retype' 'type:weak\n' \
        --on 'New password:' 'type:fresh\n' --on 'Retype' 'type:fresh\n'
    want_rc 0
    want_screen "Your password is 90 days old."
    want_screen "BAD PASSWORD"
    want_screen "logged in"
    want_no_screen Current
    want_logged event password outcome accepted
    [ "$(grep -oE '"id":"[0-9a-f]*"' "$W/log" | sort -u | wc -l)" = 1 ] ||
        wrong "account and password have different ids"
    want_not_logged sesame
    want_not_logged fresh

    it "$client without a change does not get in"
    log_in $client old --on 'assword:' 'type:sesame\n' \
        --on 'New password:' 'type:a\n' --on 'Retype' 'type:a\n' \
        --on 'New password:' 'type:b\n' --on 'Retype' 'type:b\n' \
        --on 'New password:' 'type:c\n' --on 'Retype' 'type:c\n' \
        --on 'BAD PASSWORD' 'type:\x03'
    want_not [ "$rc" = 0 ]
    want_no_screen "logged in"
done

it "the password method shows it, too"
: >"$W/log"
run 20 --pty --on 'assword:' 'type:sesame\n' -- ssh -F "$W/ssh_config" \
    -o PreferredAuthentications=password -o NumberOfPasswordPrompts=1 \
    password true
want_not [ "$rc" = 0 ]
want_screen "Come back tomorrow, $me."

it "the plugin is told where the user comes from, and inherits nothing"
log_in ssh show --on 'Secret:' 'type:sesame\n'
want_rc 0
want grep -qx "user_name:$me" "$W/params"
want grep -qx host_ip:127.0.0.1 "$W/params"
want grep -qx "host_name:$(uname -n)" "$W/params"
want grep -qx remote_host_ip:127.0.0.1 "$W/params"
want grep -qx remote_host_name:127.0.0.1 "$W/params"
want_not grep -qE '=|SSH' "$W/params"
# descriptors 10 and 11 are the shell's own
want grep -qx 10 "$W/params"
want_not grep -qx '[3-9]' "$W/params"

# ----------------------------------------------------------- who does not exist

# dialogue USER - what is asked and said, without the user's name; $least is the
# shortest of three times.
dialogue () {
    as=$1 least=999999
    for i in 1 2 3; do
        log_in ssh ask --on 'Secret:' 'type:wrong\n' \
            --on 'Color:' 'type:blue\n' --on 'Again:' 'type:wrong\n'
        [ "$took" -ge "$least" ] || least=$took
        sed "s/$1/USER/g" "$W/screen" >"$W/dialogue.$1"
    done
    as=
}

it "who does not exist is asked the same, for as long, and told the same"
dialogue "$me"
known=$least
want_logged outcome rejected user "$me"
dialogue nobody-here
want_logged outcome rejected user nobody-here reason "*line end"
want diff "$W/dialogue.$me" "$W/dialogue.nobody-here"
want grep -q Again "$W/dialogue.nobody-here"
want [ "$known" -ge 300 ]
want [ "$least" -ge 300 ]
want [ $((least - known)) -lt 250 ]
want [ $((known - least)) -lt 250 ]

it "no answer of theirs is right"
as=nobody-here
log_in ssh ask --on 'Secret:' 'type:sesame\n' --on 'Color:' 'type:blue\n' \
    --on 'Again:' 'type:sesame\n'
as=
want_not [ "$rc" = 0 ]
want_logged outcome rejected

# --------------------------------------------------------------- who goes away

# gone - the plugin ends within five seconds.
want_gone () {
    n=0
    while kill -0 "$(cat "$W/pid")" 2>/dev/null; do
        n=$((n + 1))
        [ $n -lt 250 ] || { wrong "the plugin is still there"; return; }
        sleep 0.02
    done
    rm -f "$W/pid"
}

it "when the client goes while it is asked, the plugin ends"
rm -f "$W/pid"
log_in ssh wait --on 'Secret:' 'kill:KILL'
want_not [ "$rc" = 0 ]
want_gone

it "when it goes while the plugin thinks, it does at the deadline"
log_in ssh wait --on 'Secret:' 'type:x\n' --after 1 'kill:KILL'
want_not [ "$rc" = 0 ]
want_gone

finish
