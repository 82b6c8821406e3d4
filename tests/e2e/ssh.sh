#!/bin/sh
# Logins through authplug ssh: what a user who has a plugin sees.
. "${0%/*}/lib.sh"
need ssh openssh-client
need_built examples/hello
. "$E2E/sshd.sh"
login_program

behaviours="normal one exact nul rounds twice partial noprompt fail anykey"
# shellcheck disable=SC2086
asyncssh_start $behaviours
# shellcheck disable=SC2086
client_config $behaviours
sshd_start pam "AcceptEnv GREETING"
sshd_start twosteps service=sshd-two
sshd_start etm "Ciphers aes256-ctr" "MACs hmac-sha2-256-etm@openssh.com"
sshd_start keyfirst "AuthenticationMethods publickey,keyboard-interactive" \
    "PubkeyAuthentication yes"
sshd_start keyonly "PubkeyAuthentication yes" \
    "KbdInteractiveAuthentication no" "client=IdentityFile $W/user_key"

# bodies asked|answered BEHAVIOUR - of requests or responses, in hex.
bodies () {
    sed -n "s/.*\"$1\", \"body\": \"\([0-9a-f]*\)\".*/\1/p" "$W/srv/$2.log"
}

# sshd gives terminals to the group tty, which only root may do where /dev/pts
# does not do it by itself
if [ "$(id -u)" = 0 ] || grep -q '^[^ ]* /dev/pts devpts .*gid=5' /proc/mounts
then
    no_terminals=''
else
    no_terminals="root, or /dev/pts mounted with gid=5"
fi

answer="'$hello' '$password'"
animals="'$hello' stoat weasel"

# ------------------------------------------------------------- a real sshd

it "the plugin answers sshd's password prompt, and the command runs"
run 20 "$login" --plugin "$answer" pam 'echo hello from $0'
want_rc 0
want_out "hello from"
want_quiet
want_nothing_left
want_sshd_log pam "Accepted keyboard-interactive/pam for $me"

it "it does where the MAC is of what is encrypted"
run 20 $login --plugin "'$hello' '$password'" etm 'echo "from there"; whoami'
want_rc 0
want_out_is "from there" "$me"
want_nothing_left

it "the Python plugin does as well"
run 20 "$login" --plugin "'$hello_py' '$password'" pam 'echo hello'
want_rc 0
want_out_is hello
want_quiet
want_nothing_left

it "the remote command's exit status is ours"
run 20 "$login" --plugin "$answer" pam 'exit 7'
want_rc 7
want_quiet
want_nothing_left

it "a remote command that is killed by a signal gives 255, as with ssh"
run 20 "$login" --plugin "$answer" pam 'kill -KILL $$'
want_rc 255
want_nothing_left

it "standard output and standard error stay apart"
run 20 "$login" --plugin "$answer" pam 'echo to out; echo to err >&2'
want_rc 0
want_out_is "to out"
want grep -qx "to err" "$W/err"

it "a megabyte goes through standard input and comes back unchanged"
head -c 1000000 /dev/urandom >"$W/data"
run 30 "$login" --plugin "$answer" pam cat <"$W/data"
want_rc 0
want cmp "$W/data" "$W/out"
want_nothing_left

it "the end of standard input reaches the command"
printf 'one\ntwo\n' >"$W/data"
run 20 "$login" --plugin "$answer" pam 'wc -l' <"$W/data"
want_rc 0
want grep -q '^ *2$' "$W/out"

it "-n leaves standard input alone"
printf 'one\ntwo\n' >"$W/data"
run 20 "$login" -n --plugin "$answer" pam 'wc -l' <"$W/data"
want_rc 0
want grep -q '^ *0$' "$W/out"

it "without a command a shell reads standard input"
printf 'echo in the shell\nexit 5\n' >"$W/data"
run 20 "$login" -T --plugin "$answer" pam <"$W/data"
want_rc 5
want_out "in the shell"

it "words of the command are joined with blanks, as ssh does"
run 20 "$login" --plugin "$answer" pam echo 'a  b' "'c  d'"
want_rc 0
want_out_is "a b c  d"

it "options after the host belong to us, as with ssh; after -- to the command"
run 20 "$login" --plugin "$answer" pam -T -- echo -n x
want_rc 0
want [ "$(cat "$W/out")" = x ]

it "-tt gives the command a terminal without one here"
[ -z "$no_terminals" ] || lacking "$no_terminals"
run 20 "$login" -tt --plugin "$answer" pam 'test -t 0 && echo is a terminal'
want_rc 0
want_out "is a terminal"

it "at a terminal the command gets one of the same size, left as it was found"
[ -z "$no_terminals" ] || lacking "$no_terminals"
run 20 --pty --size 31x97 -- "$login" -t --plugin "$answer" pam 'stty size'
want_rc 0
want_screen "31 97"
want_nothing_left

it "environment variables go along where sshd accepts them"
run 20 "$login" -o SetEnv=GREETING=hey --plugin "$answer" pam \
    'echo "$GREETING"'
want_rc 0
want_out_is hey

it "sftp takes it for ssh"
echo "some content" >"$W/file"
printf 'put %s %s.put\nget %s %s.got\n' \
    "$W/file" "$W/file" "$W/file" "$W/file" >"$W/batch"
AUTHPLUG_PLUGIN=$answer
export AUTHPLUG_PLUGIN
run 20 sftp -q -S "$login" -b "$W/batch" pam
unset AUTHPLUG_PLUGIN
want_rc 0
want cmp "$W/file" "$W/file.put"
want cmp "$W/file" "$W/file.got"
want_nothing_left

it "scp takes it for ssh"
AUTHPLUG_PLUGIN=$answer
export AUTHPLUG_PLUGIN
run 20 scp -q -S "$login" "$W/file" "pam:$W/file.scp"
unset AUTHPLUG_PLUGIN
want_rc 0
want cmp "$W/file" "$W/file.scp"
want_nothing_left

it "rsync takes it for ssh"
if command -v rsync >/dev/null; then
    AUTHPLUG_PLUGIN=$answer
    export AUTHPLUG_PLUGIN
    run 20 rsync -e "$login" "$W/file" "pam:$W/file.rsync"
    unset AUTHPLUG_PLUGIN
    want_rc 0
    want cmp "$W/file" "$W/file.rsync"
    want_nothing_left
else
    lacking "rsync (Debian: rsync)"
fi

it "git takes it for ssh"
if command -v git >/dev/null; then
    git init -q --bare "$W/repository.git"
    AUTHPLUG_PLUGIN=$answer GIT_SSH=$login
    export AUTHPLUG_PLUGIN GIT_SSH
    run 20 git clone -q "pam:$W/repository.git" "$W/clone"
    unset AUTHPLUG_PLUGIN GIT_SSH
    want_rc 0
    want [ -d "$W/clone/.git" ]
    want_nothing_left
else
    lacking "git (Debian: git)"
fi

it "~. at the beginning of a line ends a session that hangs"
if [ -n "$no_terminals" ]; then
    lacking "$no_terminals"
else
    run 20 --pty --on READY 'type:\r~.' -- "$login" -tt --plugin "$answer" \
        pam 'echo READY; sleep 60'
    want_rc 255
    want_within 5000
    want_nothing_left
fi

it "an agent that does not answer"
"$PY" -c 'import socket, sys, time
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1])
s.listen(1)
time.sleep(40)' "$W/agent" &
servers="$servers $!"
await "$W/agent" || wrong "no agent"
run 20 env SSH_AUTH_SOCK="$W/agent" "$login" --timeout 2 -o IdentitiesOnly=no \
    -o IdentityAgent=SSH_AUTH_SOCK keyonly 'echo no'
want_failure "no login in time"
want_within 9000
want_nothing_left

it "a subsystem is asked for with -s"
printf '\0\0\0\005\001\0\0\0\003' >"$W/data"
# a server that meets the end of its input may end before it answers
run 20 sh -c '(cat "$1"; sleep 1) | "$2" -s --plugin "$3" pam sftp' sh \
    "$W/data" "$login" "$answer"
want_rc 0
# SSH_FXP_VERSION, 3
want [ "$(od -An -tx1 -j4 -N5 "$W/out")" = " 02 00 00 00 03" ]

it "authplug-ssh is the same program in one word"
run 20 "$BUILD/authplug-ssh" -F "$W/ssh_config" --plugin "$answer" pam 'exit 3'
want_rc 3
want_nothing_left

it "the plugin may be named in AUTHPLUG_PLUGIN"
run 20 env AUTHPLUG_PLUGIN="$answer" "$login" pam 'echo hello'
want_rc 0
want_out_is hello

it "--plugin wins over AUTHPLUG_PLUGIN"
run 20 env AUTHPLUG_PLUGIN="exit 9" "$login" --plugin="$answer" pam 'echo hello'
want_rc 0
want_out_is hello

it "two prompts one after the other come as two requests"
rm -f "$W/record"
run 20 "$login" --plugin "$(hostile "record=$W/record" -- "$password")" \
    twosteps 'echo no'
want_rc 255
want [ "$(grep -c '^20 ' "$W/record")" -ge 2 ]

# --------------------------------------------------- who, where, by which way

it "-l, -p and user@ name who and where"
run 20 "$login" -l "$me" -p "$(sshd_port pam)" --plugin "$answer" \
    127.0.0.1 id -un
want_rc 0
want_out_is "$me"
run 20 "$login" -p "$(sshd_port pam)" --plugin "$answer" "$me@127.0.0.1" id -un
want_rc 0
want_out_is "$me"

it "an ssh:// address does too"
run 20 "$login" --plugin "$answer" "ssh://$me@127.0.0.1:$(sshd_port pam)" id -un
want_rc 0
want_out_is "$me"

it "the plugin is told the host's name for its key, the port and the user"
rm -f "$W/record"
run 20 "$login" -l alice --plugin \
    "$(hostile "record=$W/record" -- stoat weasel)" normal whoami
want_rc 0
want_out_is alice
want grep -q "^1 00000002$(printf '00000009%s' 3132372e302e302e31)$(
    printf %08x "$(port normal)")00000005616c696365\$" "$W/record"

it "HostKeyAlias is that name, where there is one"
sed 's/^/the-alias /' "$W/srv/server_key.pub" >"$W/kh_alias"
rm -f "$W/record"
run 20 "$login" -o HostKeyAlias=the-alias -o UserKnownHostsFile="$W/kh_alias" \
    --plugin "$(hostile "record=$W/record" -- stoat weasel)" normal 'echo hi'
want_rc 0
want grep -q "^1 00000002000000097468652d616c696173" "$W/record"

it "the plugin may choose the user, and the server hears of no other"
forget normal
run 20 "$login" -l alice --plugin "$(hostile init:user=bob -- stoat weasel)" \
    normal whoami
want_rc 0
want_out_is bob
want_log normal '"user": "bob"'
want_no_log normal '"user": "alice"'
want_nothing_left

it "IPv6 works"
if "$PY" -c 'import socket
socket.socket(socket.AF_INET6).bind(("::1", 0))' 2>/dev/null; then
    sshd_start six listen=::1
    run 20 "$login" --plugin "$answer" six 'echo "${SSH_CONNECTION%% *}"'
    want_rc 0
    want_out_is ::1
    want_nothing_left
else
    lacking "IPv6 on loopback"
fi

proxy_program

it "ProxyCommand is used, and nothing of it is left"
rm -f "$W/went-through"
run 20 "$login" -o "ProxyCommand=$W/through %h %p" --plugin "$answer" \
    pam 'echo hello'
want_rc 0
want_out_is hello
want [ -e "$W/went-through" ]
want_nothing_left

it "a ProxyCommand that fails is said to"
run 20 "$login" -o "ProxyCommand=exit 1" --plugin "$answer" pam 'echo hello'
want_failure .

it "ProxyJump is used"
run 30 "$login" -J keyonly --plugin "$answer" \
    pam 'echo hello'
want_rc 0
want_out_is hello
want_sshd_log keyonly "Accepted publickey for $me"
want_nothing_left

it "ProxyJump takes an address, a port and a user"
cp "$W/hosts" "$W/hosts.before"
printf 'Host 127.0.0.1\n    IdentityFile %s\n' "$W/user_key" >>"$W/hosts"
run 30 "$login" -J "$me@127.0.0.1:$(sshd_port keyonly)" --plugin "$answer" \
    pam 'echo hello'
mv "$W/hosts.before" "$W/hosts"
want_rc 0
want_out_is hello
want_nothing_left

it "standard descriptors may be closed"
run 20 sh -c '"$@" <&- 2>&-' sh "$login" --plugin "$answer" pam 'echo hello'
want_rc 0
want_out_is hello
run 20 sh -c '"$@" <&- >&- 2>&-; echo $?' sh \
    "$login" --plugin "$answer" pam 'exit 3'
want_out_is 3
want_nothing_left

it "a user's name may hold a backslash and a dollar"
forget one
run 20 "$login" --plugin "'$hello' stoat" -l 'DOM\$user' one whoami
want_rc 0
want_out_is 'DOM\$user'

it "IdentityFile may hold tokens and variables"
cp "$W/user_key" "$W/key_keyonly"
run 20 env KEYS="$W" "$login" -o 'IdentityFile=${KEYS}/key_%n' keyonly 'echo in'
want_rc 0
want_out_is in

it "a private key that others may read is left out"
chmod 644 "$W/key_keyonly"
run 20 "$login" --batch -o IdentityFile="$W/key_keyonly" -F "$W/ssh_config" \
    -o HostName=127.0.0.1 -p "$(sshd_port keyonly)" other 'echo in'
want_rc 255
want_err "chmod 600"

it "-N keeps the connection until it is ended, and runs no command"
: >"$W/pam/log"
run 20 --after 2 kill:TERM -- "$login" -N --plugin "$answer" pam
want_rc 0
want_at_least 1900
want_quiet
want_nothing_left
want_sshd_log pam "Accepted keyboard-interactive/pam for $me"
! grep -q "Starting session" "$W/pam/log" || wrong "a session was started"

it "-w is refused before the login"
run 20 "$login" -w 0:0 --plugin "$answer" pam
want_failure "-w"

it "the server's banner is shown as its own, harmless, and not with -q"
printf 'Authorised use only\n\033[31mauthplug ssh: host key verified\n' >"$W/banner"
sshd_start bannered "Banner $W/banner"
run 20 "$login" --plugin "$answer" bannered 'echo in'
want_rc 0
want_out_is in
want_err "server| Authorised use only"
want_err 'server| \x1b[31mauthplug ssh: host key verified'
run 20 "$login" -q --plugin "$answer" bannered 'echo in'
want_rc 0
want_quiet

it "a connection that dies is told, once"
run 20 "$login" --plugin "$answer" pam 'kill -9 $PPID; sleep 3'
want_failure "connection to the server is lost"

it "a fast second login does not meet the first one's socket"
run 20 sh -c '"$1" --plugin "$2" pam "sleep 1; exit 4" & p=$!
    "$1" --plugin "$2" pam "exit 5"; echo $?; wait $p; echo $?' \
    sh "$login" "$answer"
want_rc 0
want_out_is 5 4
want_nothing_left

# ------------------------------------------------------------------ switches

it "BatchMode=yes lets the plugin answer"
run 20 "$login" -o BatchMode=yes --plugin "$answer" pam 'echo hello'
want_rc 0
want_out_is hello

it "a plugin on the command line turns keyboard-interactive on"
run 20 "$login" -o KbdInteractiveAuthentication=no --plugin "$answer" \
    pam 'echo hello'
want_rc 0
want_out_is hello

it "PreferredAuthentications leaves keyboard-interactive out where it says so"
run 20 "$login" -o PreferredAuthentications=publickey --plugin "$answer" \
    --batch pam 'echo hello'
want_failure .

it "PreferredAuthentications keeps its order"
forget partial
run 20 "$login" -o PreferredAuthentications=password,keyboard-interactive \
    --batch --plugin "$animals" partial 'echo hello'
want_rc 255
want_log partial '"event": "answered"'

it "-G, -V and -Q are stock ssh's, for tools that look before they use it"
run 20 "$login" -G pam
want_rc 0
want_out "port $(sshd_port pam)"
run 20 "$BUILD/authplug-ssh" -V
want_rc 0
want_err OpenSSH

# ------------------------------------------------- the exact bytes, both ways

it "the plugin gets the server's request byte by byte, language tag included"
rm -f "$W/record"
forget normal
run 20 "$login" --plugin "$(hostile "record=$W/record" -- stoat weasel)" \
    normal 'echo hi; exit 4'
want_rc 4
want_out_is hi
want_quiet
bodies asked normal >"$W/asked"
sed -n 's/^20 //p' "$W/record" >"$W/got"
want [ "$(grep -c . "$W/got")" = 2 ]
want cmp "$W/asked" "$W/got"
want_log normal '"body": "000000020000000573746f61740000000677656173656c"'
want_log normal '"body": "00000000", "answers": []'

it "and is told of success"
want grep -q '^6 $' "$W/record"

it "non-ASCII and empty answers arrive as they were given"
forget exact
run 20 "$login" --plugin "'$hello' 'Grüße' ''" exact 'echo hi'
want_rc 0
want_log exact '"body": "00000002000000074772c3bcc39f6500000000"'

it "a 60000-byte answer arrives whole"
forget fail
run 20 "$login" --batch --plugin "$(hostile request:long=60000)" fail 'echo hi'
want_rc 255
want [ "$(bodies answered fail | head -n 1 | wc -c)" = 120017 ]

it "NUL bytes, escapes and invalid UTF-8 reach the plugin as they were sent"
rm -f "$W/record"
forget nul
run 20 "$login" --plugin "$(hostile "record=$W/record" -- stoat)" nul 'echo hi'
want_rc 0
want_out_is hi
want_harmless
bodies asked nul >"$W/asked"
sed -n 's/^20 //p' "$W/record" >"$W/got"
want cmp "$W/asked" "$W/got"

it "twenty rounds are twenty rounds"
run 20 "$login" --plugin "'$hello' stoat" rounds 'echo hi'
want_rc 0
want_out_is hi

it "a server that asks nothing lets us in, and the plugin is told"
rm -f "$W/record"
run 20 "$login" --plugin "$(hostile "record=$W/record")" noprompt 'echo hi'
want_rc 0
want_out_is hi
want grep -q '^6 $' "$W/record"

# ------------------------------------------------------- more than one method

it "a key first, then the plugin: partial success"
run 20 "$login" -o "IdentityFile=$W/user_key" --plugin "$answer" \
    keyfirst 'echo hello'
want_rc 0
want_out_is hello
want_sshd_log keyfirst "Accepted keyboard-interactive/pam for $me"
want_nothing_left

it "the key may be an agent's"
cat >"$W/with_agent" <<END
#!/bin/sh
eval "\$(ssh-agent -s)" >/dev/null
ssh-add -q "$W/user_key" 2>/dev/null
"\$@"
status=\$?
kill "\$SSH_AGENT_PID"
exit \$status
END
chmod +x "$W/with_agent"
run 20 "$W/with_agent" "$login" -o IdentityAgent=SSH_AUTH_SOCK \
    -o IdentitiesOnly=no --plugin "$answer" keyfirst 'echo hello'
want_rc 0
want_out_is hello

it "with IdentityAgent none the agent's keys stay unused"
run 20 "$W/with_agent" "$login" --batch -o IdentityAgent=none \
    -o IdentitiesOnly=no --plugin "$answer" keyfirst 'echo hello'
want_rc 255
want_err "permission denied"

it "without the key the refusal is said to be sshd's"
run 20 "$login" --batch --plugin "$answer" keyfirst 'echo hello'
want_failure publickey

it "a host that wants a certificate is said to be one for stock ssh"
ssh-keygen -q -t ed25519 -N '' -C ca -f "$W/ca"
ssh-keygen -q -t ed25519 -N '' -C '' -f "$W/certified"
ssh-keygen -q -s "$W/ca" -I test -n "$me" "$W/certified.pub"
sshd_start certificates "TrustedUserCAKeys $W/ca.pub" \
    "PubkeyAuthentication yes" "KbdInteractiveAuthentication no"
run 20 "$login" -o IdentityFile="$W/certified" --batch certificates 'echo no'
want_failure "stock ssh may.*authplug askpass -- ssh"
run 20 "$login" -o IdentityFile="$W/user_key" --batch \
    -o CertificateFile="$W/certified-cert.pub" pam 'echo no'
want_failure "permission denied"
want_no_err "askpass"

it "and so is one that wants a FIDO key"
ssh-keygen -q -t ed25519 -N '' -C '' -f "$W/fido"
{
    printf 'sk-ssh-ed25519@openssh.com '
    {
        printf '\0\0\0\032sk-ssh-ed25519@openssh.com\0\0\0\040'
        head -c 32 /dev/zero
        printf '\0\0\0\004ssh:'
    } | base64 -w 0
    echo
} >"$W/fido.pub"
run 20 "$login" -o IdentityFile="$W/fido" --batch certificates 'echo no'
want_failure "stock ssh may.*authplug askpass -- ssh"

# Message 60 says that the key would do; to other methods it says other things.
it "a key that the server would take and that stays locked is no request"
ssh-keygen -q -t ed25519 -N secret -C '' -f "$W/locked_key"
run 20 --ctty --on passphrase 'type:\n' -- "$login" -l dave \
    -o IdentityFile="$W/locked_key" --plugin "'$hello' stoat" anykey whoami
want_rc 0
want_out_is dave
want_nothing_left

it "nor is it a demand for a new password"
run 20 --ctty --on passphrase 'type:\n' --on "'s password: " 'type:sesame\n' \
    -- "$login" -l dave -o IdentityFile="$W/locked_key" \
    -o PreferredAuthentications=publickey,password anykey whoami
want_rc 0
want_out_is dave
want_nothing_left

it "a key alone needs no plugin"
run 20 "$login" keyonly 'echo hello'
want_rc 0
want_out_is hello
want_nothing_left

it "keyboard-interactive twice is two conversations with one plugin"
rm -f "$W/record"
run 20 --ctty --on 'key' 'type:weasel\n' -- "$login" --plugin "$(hostile \
    "record=$W/record" 'request2:ask=Other key: ' -- stoat)" twice 'echo hi'
want_rc 0
want_out_is hi
want [ "$(cut -d' ' -f1 "$W/record" | tr '\n' ' ')" = "1 3 20 6 3 20 23 6 " ]

it "after partial success the user is asked for the password at the terminal"
run 20 --ctty --on 'assword' 'type:sesame\n' -- "$login" --plugin "$animals" \
    -l dave partial whoami
want_rc 0
want_out_is dave
want_no_screen sesame
want_nothing_left

it "and with --batch that is an error that names the method"
run 20 "$login" --batch --plugin "$animals" partial whoami
want_failure password

it "a wrong answer is told to the plugin, and the login ends"
rm -f "$W/record"
run 20 "$login" --batch --plugin \
    "$(hostile "record=$W/record" -- stoat marten)" normal 'echo no'
want_failure .
want grep -q '^7 $' "$W/record"
want_out_none

# ------------------------------------------------------- at the terminal

it "a plugin that asks the user gets the answer, and the screen does not"
run 20 --pty --on 'Master' 'type:stoat\n' -- "$login" --plugin \
    "$(hostile 'request:ask=Master key: ')" one 'echo in'
want_rc 0
want_screen "plugin| "
want_screen "Plugin's instruction"
want_no_screen stoat
want_nothing_left

it "what is asked with echo is seen"
run 20 --pty --on 'Colour' 'type:stoat\n' -- "$login" --plugin \
    "$(hostile 'request:askecho=Colour: ')" one 'echo in'
want_rc 0
want_screen stoat
want_nothing_left

it "the plugin's questions go to the terminal while data is piped"
echo "the data" >"$W/data"
run 20 --ctty --on 'Stoat' 'type:stoat\n' --on 'Weasel' 'type:weasel\n' -- \
    "$login" --plugin "$(hostile 'request1:ask=Stoat: ' \
    'request1:ask=Weasel: ' -- x)" normal cat <"$W/data"
want_rc 0
want cmp "$W/data" "$W/out"
want_no_screen stoat
want_nothing_left

it "without a plugin the user answers the server, whose words are marked"
run 20 --pty --on 'Echoey' 'type:stoat\n' --on 'Silent' 'type:weasel\n' -- \
    "$login" normal 'echo in'
want_rc 0
want_screen "server| "
want_screen "First line of it."
want_screen "Second line of it."
want_no_screen weasel
want_nothing_left

it "after a plugin's rejection the user answers"
run 20 --pty --on 'Echoey' 'type:stoat\n' --on 'Silent' 'type:weasel\n' -- \
    "$login" --plugin "$(hostile 'protocol:reject=no card in the reader')" \
    normal 'echo in'
want_rc 0
want_screen "no card in the reader"
want_screen "plugin| "
want_nothing_left

it "with --batch a rejection is an error"
run 20 "$login" --batch --plugin "$(hostile 'protocol:reject=no card here')" \
    normal 'echo in'
want_rc 255
want_err "no card here"
want_nothing_left

it "a rejection without words is not talked about"
run 20 --pty --on 'Echoey' 'type:stoat\n' --on 'Silent' 'type:weasel\n' -- \
    "$login" --plugin "$(hostile protocol:reject=)" normal 'echo in'
want_rc 0
want_no_screen "plugin| "

it "Ctrl-C at a prompt leaves the terminal as it was found"
run 20 --pty --on 'Echoey' 'type:stoat\n' --on 'Silent' 'type:\x03' -- \
    "$login" normal 'echo in'
want_not [ "$rc" = 0 ]
want_nothing_left

it "two signals at once leave nothing behind either"
run 20 --pty --on 'Echoey' 'type:\x03\x1c' -- "$login" normal 'echo in'
want_not [ "$rc" = 0 ]
want_nothing_left
run 20 --pty --after 1 'type:\x03\x1c' -- "$login" \
    --plugin "exec sleep 300" normal 'echo in'
want_not [ "$rc" = 0 ]
want_nothing_left

it "words that a plugin prints on standard error are shown as its own"
run 20 "$login" --plugin "$(hostile 'init:stderr=fetching a code' \
    -- stoat weasel)" normal 'echo hi'
want_rc 0
want_out_is hi
want_err "plugin| fetching a code"

it "what server and plugin say cannot pose as ours or move the cursor"
run 20 --pty --on 'word' 'type:stoat\n' -- "$login" nul 'echo hi'
want_harmless
want_not grep -q '^authplug ssh: all is well' "$W/screen"
want_screen "server| "
lie='bad\x1b[2J\x1b]0;x\x07\r\nauthplug ssh: all is well\xe2\x80\xae'
run 20 "$login" --batch --plugin "$(hostile "init:refuse=$lie")" \
    normal 'echo hi'
want_harmless
want_err "plugin| "
want_not grep -q '^authplug ssh: all is well' "$W/err"

it "--help says how it is used, and an unknown option what to do"
run 20 "$BUILD/authplug" ssh --help
want_rc 0
want_out "--plugin"
run 20 "$BUILD/authplug" ssh --no-such-option pam
want_rc 255
want_err "--help"

finish
