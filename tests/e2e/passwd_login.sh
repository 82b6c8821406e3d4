#!/bin/sh
# An expired password is changed during the login: stock sshd and PAM, the real
# passwd by ssh-passwd-plugin, stock ssh and plink. And whose word that is.
. "${0%/*}/pam_lib.sh"
. "${0%/*}/private_etc.sh"
need plink putty-tools
need_built plugins/ssh-passwd-plugin/ssh-passwd-plugin
pwquality=
for file in "$SRC"/build/packages/*/lib/*/security/pam_pwquality.so \
    /usr/lib/*/security/pam_pwquality.so; do
    [ ! -e "$file" ] || pwquality=$file
done
. "$E2E/sshd.sh"
preload=$BUILD/tests/syslog_shim.so
SYSLOG_SHIM=$W/log
export SYSLOG_SHIM
: >"$W/log"
rules=$SRC/plugins/ssh-passwd-plugin/rules
old="Öld-sesame-1" new="Fresh-sesame-\$2" # and a byte that is not ASCII

# as it is installed
plugin=$W/libexec/ssh-passwd-plugin
mkdir "$W/libexec" "$W/rules"
install -m 711 "$BUILD/plugins/ssh-passwd-plugin/ssh-passwd-plugin" "$plugin"
cp "$rules/debian" "$W/rules/debian"
mkdir -p /etc/authplug
cp "$rules/debian" /etc/authplug/passwd_config
passwd_stack "password required pam_unix.so obscure yescrypt minlen=8"
account rebecca "$old"

# stack NAME PLUGIN'S WORDS [ARGUMENTS]
stack () {
    pam_services
    service "../pam.d/sshd-$1" "auth required pam_unix.so" \
        "auth required MODULE remember" "auth optional pam_permit.so" \
        "account required pam_unix.so" \
        "password required MODULE [plugin=$2] min_time=300 ${3:-}" \
        "session required pam_permit.so"
    ln -sf /usr/sbin/sshd "$W/sbin/sshd-$1"
    sshd_start "$1" "service=sshd-$1" "AllowUsers rebecca twin"
}
client_config
stack change "$plugin"
key=$(ssh-keygen -lf "$W/ed25519.pub" | cut -d' ' -f2)

# log_in CLIENT SERVER [--on TEXT DO]...
log_in () {
    client=$1 server=$2
    shift 2
    : >"$W/log"
    case $client in
    ssh) run 30 --pty "$@" -- ssh -F "$W/ssh_config" -l rebecca \
        -o NumberOfPasswordPrompts=1 "$server" 'echo logged in' ;;
    plink) run 30 --pty "$@" -- plink -ssh -P "$(sshd_port "$server")" \
        -hostkey "$key" -noagent -no-antispoof -l rebecca 127.0.0.1 \
        'echo logged in' ;;
    esac
}

# anew - the password is the old one, and has expired.
anew () {
    set_password rebecca "$old"
    expire rebecca
    cp /etc/shadow "$W/shadow"
}

# No password in what is seen of it from outside, but in what was typed.
want_kept_secret () {
    want_not_logged "$old"
    want_not_logged "$new"
}

for client in ssh plink; do
    it "$client: told so, the user gives a new password twice, and is logged in"
    anew
    log_in $client change --on 'assword:' "type:$old\n" \
        --on 'New password:' "type:$new\n" --on 'Retype' "type:$new\n"
    want_rc 0
    want_screen "logged in"
    want_screen "change your password"
    want_no_screen "Current password"
    want is_password rebecca "$new"
    want_logged event password outcome accepted user rebecca plugin "$plugin"
    want_kept_secret

    it "$client: with it, the next login asks for nothing else"
    log_in $client change --on 'assword:' "type:$new\n"
    want_rc 0
    want_screen "logged in"
    want_no_screen "New password"

    it "$client: what does not match, or is refused, is asked again"
    anew
    log_in $client change --on 'assword:' "type:$old\n" \
        --on 'New password:' "type:$new\n" --on 'Retype' "type:other\n" \
        --on 'do not match' "type:" \
        --on 'New password:' "type:ab1\n" --on 'Retype' "type:ab1\n" \
        --on 'longer password' "type:" \
        --on 'New password:' "type:$new\n" --on 'Retype' "type:$new\n"
    want_rc 0
    want_screen "logged in"
    want is_password rebecca "$new"
    want_kept_secret

    it "$client: up to a limit"
    anew
    log_in $client change --on 'assword:' "type:$old\n" \
        --on 'New password:' "type:ab1\n" --on 'Retype' "type:ab1\n" \
        --on 'New password:' "type:ab2\n" --on 'Retype' "type:ab2\n" \
        --on 'New password:' "type:ab3\n" --on 'Retype' "type:ab3\n" \
        --on 'longer password' 'type:' --on 'Press Return' 'type:\n' \
        --on 'assword:' 'type:\x03' --on 'Access denied' 'type:\x03'
    want_not [ "$rc" = 0 ]
    want_no_screen "logged in"
    want is_password rebecca "$old"
done

# ------------------------------------------------------------- what is forged

# A plugin of the user's own that says so, and one whose verdict another process
# of the user says.
plugin liar <<'END'
params
echo success
END
stack liar "$plugins/liar"

it "a success without a change is not believed"
anew
log_in ssh liar --on 'assword:' "type:$old\n" \
    --on 'New password:' "type:$new\n" --on 'Retype' "type:$new\n" \
    --on 'not changed' 'type:\x03' --after 10 'kill:TERM'
want_not [ "$rc" = 0 ]
want_no_screen "logged in"
want_logged event password outcome error reason "*is as before"
want cmp -s /etc/shadow "$W/shadow"

# the same line is in the pipe if it can be had
cat >"$W/forge.py" <<'END'
import ctypes, os, sys, time
libc = ctypes.CDLL(None, use_errno=True)
me, until, tried = os.getuid(), time.time() + float(sys.argv[1]), 0
while time.time() < until:
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            comm = open("/proc/%s/comm" % name).read()
        except OSError:
            continue
        if not comm.startswith(sys.argv[2]):
            continue
        pid = libc.syscall(434, int(name), 0)
        if pid < 0:
            continue
        fd = libc.syscall(438, pid, 1, 0)
        tried += 1
        # a program that it starts has its name for a moment, and a terminal
        if fd >= 0 and os.readlink("/proc/self/fd/%d" % fd)[:5] == "pipe:":
            os.write(fd, b"success\n")
            print("forged", flush=True)
            sys.exit()
        if fd >= 0:
            os.close(fd)
        os.close(pid)
print("tried %d times" % tried, flush=True)
END
chmod 755 "$W/forge.py"
as_rebecca () {
    setpriv --reuid "$(id -u rebecca)" --regid 60000 --clear-groups "$@"
}

# attack SECONDS NAME - a process of rebecca's tries to speak for the plugin.
attack () {
    as_rebecca "$PY" "$W/forge.py" "$1" "$2" >"$W/forged" 2>&1 &
    attacker=$!
}

# slow enough to be attacked, and it fails
cat >"$W/rules/slow" <<END
PasswdPath /bin/sleep 3
DataTimeout 2
Request "never"
FinalResponse never
END
stack slow "$plugin --config $W/rules/slow"

it "a process of the user's cannot speak for the installed plugin"
anew
attack 12 ssh-passwd-plug
log_in ssh slow --on 'assword:' "type:$old\n" \
    --on 'New password:' "type:$new\n" --on 'Retype' "type:$new\n" \
    --on 'New password:' 'type:\x03' --after 10 'kill:TERM'
wait $attacker
want_not [ "$rc" = 0 ]
want_no_screen "logged in"
want_not grep -q forged "$W/forged"
want grep -Eq 'tried [1-9][0-9]* times' "$W/forged"

it "where it can, for a script, root does not believe it"
plugin napping <<'END'
params
sleep 3
echo failure
END
stack napping "$plugins/napping"
anew
attack 10 napping
log_in ssh napping --on 'assword:' "type:$old\n" \
    --on 'New password:' "type:$new\n" --on 'Retype' "type:$new\n" \
    --on 'not changed' 'type:\x03' --after 10 'kill:TERM'
wait $attacker
want_not [ "$rc" = 0 ]
want_no_screen "logged in"
want grep -q forged "$W/forged"
want_logged event password outcome error

it "a shell around a plugin of the user's is refused"
stack shell "$plugin" shell
anew
log_in ssh shell --on 'assword:' "type:$old\n" \
    --on 'New password:' "type:$new\n" --on 'Retype' "type:$new\n" \
    --on 'not changed' 'type:\x03' --after 10 'kill:TERM'
want_not [ "$rc" = 0 ]
want_logged event password outcome error reason "*shell cannot be used"
want cmp -s /etc/shadow "$W/shadow"

# ------------------------------------------------------------ other policies

it "pam_pwquality's refusal is shown to the user, who tries again"
if [ -n "$pwquality" ]; then
    passwd_stack "password requisite $pwquality retry=1 minlen=10" \
        "password required pam_unix.so use_authtok yescrypt"
    anew
    log_in ssh change --on 'assword:' "type:$old\n" --on 'New password:' \
        "type:rebecca99\n" --on 'Retype' "type:rebecca99\n" \
        --on 'BAD PASSWORD' 'type:' \
        --on 'New password:' "type:$new\n" --on 'Retype' "type:$new\n"
    want_rc 0
    want_screen "logged in"
    want is_password rebecca "$new"
else
    lacking "pam_pwquality.so (Debian: libpam-pwquality)"
fi

passwd_stack "password required pam_unix.so obscure yescrypt minlen=8"

it "a change that was made before the program failed is told to have been"
passwd_stack "password required pam_unix.so obscure yescrypt minlen=8" \
    "password required pam_exec.so quiet /bin/false"
anew
log_in ssh change --on 'assword:' "type:$old\n" \
    --on 'New password:' "type:$new\n" --on 'Retype' "type:$new\n" \
    --on 'Press Return' 'type:\n' --after 10 'kill:TERM'
want_not [ "$rc" = 0 ]
want_screen 'log in anew with the new one'
want_no_screen "logged in"
want is_password rebecca "$new"
want_logged event password outcome error reason "*has changed"
passwd_stack "password required pam_unix.so obscure yescrypt minlen=8"

it "of two accounts with one user id the right one's password is changed"
account twin "$old"
sed -i "s/^twin:x:[0-9]*/twin:x:$(id -u rebecca)/" /etc/passwd
anew
expire twin
log_in_as () {
    run 30 --pty --on 'assword:' "type:$old\n" --on 'New password:' \
        "type:$new\n" --on 'Retype' "type:$new\n" --after 15 'kill:TERM' -- \
        ssh -F "$W/ssh_config" -l "$1" change 'echo logged in'
}
log_in_as twin
want_rc 0
want is_password twin "$new"
want is_password rebecca "$old"

it "what the rules do not know ends in time, and the log shows it"
printf '%s\n' "DataTimeout 1" 'Request "^Nonsense: "' \
    'FinalResponse $new_password$\n' >"$W/rules/nonsense"
stack nonsense "$plugin --config $W/rules/nonsense"
anew
log_in ssh nonsense --on 'assword:' "type:$old\n" \
    --on 'New password:' "type:$new\n" --on 'Retype' "type:$new\n" \
    --on 'not changed' 'type:\x03' --after 10 'kill:TERM'
want_not [ "$rc" = 0 ]
want grep -q 'wrote nothing for 1 s.*Current password' "$W/log"
want_kept_secret

finish
