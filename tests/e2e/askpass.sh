#!/bin/sh
# Stock ssh, and what runs it, with a plugin behind its prompts.
. "${0%/*}/lib.sh"
behaviours="one rounds fail"
. "$E2E/askpass_lib.sh"
sshd_start last
sshd_start keyfirst "AuthenticationMethods publickey,keyboard-interactive" \
    "PubkeyAuthentication yes" "client=IdentityFile $W/locked"

# --------------------------------------------------------------- what works

it "the plugin answers stock ssh's prompt, and the command runs"
run 20 "$ask" -- $ssh pam 'echo hello'
want_rc 0
want_out_is hello
want_quiet
want_nothing_left
want_sshd_log pam "Accepted keyboard-interactive/pam for $me"

it "the command's exit status is ours"
run 20 "$ask" -- $ssh pam 'exit 7'
want_rc 7
run 20 "$ask" -- sh -c 'exit 3'
want_rc 3
run 20 "$ask" -- sh -c 'kill -9 $$'
want_rc 137
want_nothing_left

it "a command that is not there"
run 20 "$ask" -- "$W/nothing"
want_rc 127
want_err_like '^authplug askpass: cannot run .*: .*: .+'

it "misuse"
run 20 "$ask"
want_rc 2
want_err_like "^authplug askpass: .+: see"
run 20 "$ask" --timeout 0 -- true
want_rc 2
run 20 "$ask" --nonsense -- true
want_rc 2
run 20 "$helper" 'Password: '
want_rc 2
want_out_none

it "the plugin is told who, where, the prompt alone, and the outcome"
rm -f "$W/record"
run 20 "$ask" --plugin "$(recorded -- "$password")" -- $ssh pam 'echo hello'
want_rc 0
want_out_is hello
want grep -q "^1 00000002000000093132372e302e302e31$(
    printf %08x "$(sshd_port pam)")" "$W/record"
want grep -q '^20 000000000000000000000000000000010000000a50617373776f72643a2000$' \
    "$W/record"
want [ "$(tail -n 1 "$W/record")" = "6 " ]
want_nothing_left

it "HostKeyAlias is the host's name, as ssh's prompt has it"
sed "s/^/the-alias /" "$W/ed25519.pub" >"$W/kh_alias"
rm -f "$W/record"
run 20 "$ask" --plugin "$(recorded -- "$password")" -- $ssh \
    -o HostKeyAlias=the-Alias -o UserKnownHostsFile="$W/kh_alias" \
    pam 'echo hello'
want_rc 0
want grep -q "^1 00000002000000097468652d616c696173" "$W/record"

it "what ssh says of its configuration is said once"
run 20 "$ask" -- $ssh -o Nonsense=yes pam 'echo no'
want_rc 255
want [ "$(grep -ci 'nonsense' "$W/err")" = 1 ]

it "-v names the host and the port"
run 20 "$ask" -v -- $ssh pam 'echo hello'
want_rc 0
want_err "$me@127.0.0.1 port $(sshd_port pam): the plugin answers"
want_err "$me@127.0.0.1 port $(sshd_port pam): logged in"

it "a LocalCommand of the user's own stays, and the outcome is unknown"
rm -f "$W/record" "$W/ran"
run 20 "$ask" --plugin "$(recorded -- "$password")" -- $ssh \
    -o PermitLocalCommand=yes -o LocalCommand="touch $W/ran" pam 'echo hello'
want_rc 0
want [ -e "$W/ran" ]
want_not grep -q '^[67] ' "$W/record"

it "a configuration with a relative name is found from where ssh is"
run 20 sh -c 'cd "$1" && exec "$2" -- ssh -F ssh_config pam "echo hello"' sh \
    "$W" "$ask"
want_rc 0
want_out_is hello

it "ssh -f goes to the background, and the session outlives us"
rm -f "$W/record" "$W/done"
run 20 "$ask" --plugin "$(recorded -- "$password")" -- $ssh -f pam \
    "sleep 1; touch $W/done"
want_rc 0
want await "$W/done"
want [ "$(tail -n 1 "$W/record")" = "6 " ]

it "standard descriptors may be closed"
run 20 sh -c '"$@" <&- 2>&-' sh "$ask" -- $ssh pam 'echo hello'
want_rc 0
want_out_is hello
want_nothing_left

it "rounds are of one attempt, even where a prompt comes again"
run 20 "$ask" --plugin "'$hello' stoat" -- $ssh rounds 'echo hi'
want_rc 0
want_out_is hi
want_nothing_left

echo "some content" >"$W/file"

it "scp"
run 20 "$ask" -- scp -q -F "$W/ssh_config" "$W/file" "pam:$W/file.scp"
want_rc 0
want cmp "$W/file" "$W/file.scp"
want_nothing_left

it "sftp"
printf 'put %s %s.put\nget %s %s.got\n' \
    "$W/file" "$W/file" "$W/file" "$W/file" >"$W/batch"
# -b means BatchMode, in which ssh asks nothing
run 20 sh -c '"$@" <"$0"' "$W/batch" "$ask" -- sftp -q -F "$W/ssh_config" pam
want_rc 0
want cmp "$W/file" "$W/file.put"
want cmp "$W/file" "$W/file.got"
want_nothing_left

it "rsync"
if command -v rsync >/dev/null; then
    run 20 "$ask" -- rsync -e "$ssh" "$W/file" "pam:$W/file.rsync"
    want_rc 0
    want cmp "$W/file" "$W/file.rsync"
    want_nothing_left
else
    lacking "rsync (Debian: rsync)"
fi

it "git, and a second fetch in the same command has its own conversation"
if command -v git >/dev/null; then
    git init -q --bare "$W/repository.git"
    rm -f "$W/record"
    run 30 env GIT_SSH_COMMAND="$ssh" "$ask" \
        --plugin "$(recorded -- "$password")" -- sh -c \
        'git clone -q "$1" "$2" && git -C "$2" fetch -q' sh \
        "pam:$W/repository.git" "$W/clone"
    want_rc 0
    want [ -d "$W/clone/.git" ]
    want [ "$(grep -c '^1 ' "$W/record")" = 2 ]
    want_nothing_left
else
    lacking "git (Debian: git)"
fi

it "ansible, whose connections share the first one's login"
if command -v ansible >/dev/null; then
    mkdir "$W/cp"
    rm -f "$W/record"
    run 30 env ANSIBLE_SSH_CONTROL_PATH_DIR="$W/cp" ANSIBLE_LOCAL_TEMP="$W/tmp" \
        ANSIBLE_HOME="$W/home/.ansible" ANSIBLE_SSH_ARGS="-F $W/ssh_config \
-o ControlMaster=auto -o ControlPersist=60s -o KbdInteractiveAuthentication=yes \
-o PreferredAuthentications=publickey,keyboard-interactive" \
        "$ask" --plugin "$(recorded -- "$password")" -- ansible -i pam, pam \
        -e ansible_python_interpreter="$PY" -m ping
    want_rc 0
    want_out '"ping": "pong"'
    want [ "$(grep -c '^1 ' "$W/record")" = 1 ]
    # the master, which ControlPersist wants
    want [ "$(echo "$left" | grep -c .)" = 1 ]
    want grep -q mux <<END
$left
END
else
    lacking "ansible (Debian: ansible-core)"
fi

it "two hops have a conversation each, and the first one hears of its success"
rm -f "$W/record" "$W/record2"
cat >"$W/both" <<END
#!/bin/sh
exec $E2E/plugin_hostile.py "record=$W/record.\$\$" -- '$password'
END
chmod +x "$W/both"
run 30 "$ask" --plugin "exec $W/both" -- $ssh -J pam last 'echo through'
want_rc 0
want_out_is through
want [ "$(cat "$W"/record.* | grep -c '^1 ')" = 2 ]
want [ "$(cat "$W"/record.* | grep -c '^20 ')" = 2 ]
want [ "$(cat "$W"/record.* | grep -c '^6 ')" = 2 ]
want grep -q "^1 .*$(printf %08x "$(sshd_port pam)")" "$W"/record.*
want grep -q "^1 .*$(printf %08x "$(sshd_port last)")" "$W"/record.*
want_nothing_left

it "several at once"
run 30 "$ask" -- sh -c '
    for i in 1 2 3 4; do '"$ssh"' pam "echo $i" & done; wait'
want_rc 0
want [ "$(sort "$W/out" | tr -d '\n')" = 1234 ]
want_nothing_left

it "the plugin may be authplug's own configuration's, for each hop its own"
mkdir -p "$W/home/.config/authplug"
cat >"$W/home/.config/authplug/config" <<END
Host 127.0.0.1:$(sshd_port last)
    Plugin exec $hello '$password'
Host 127.0.0.1:$(sshd_port pam)
    Plugin exec $hello wrong
END
run 20 env -u AUTHPLUG_PLUGIN "$ask" -- $ssh last 'echo hello'
want_rc 0
want_out_is hello
run 20 env -u AUTHPLUG_PLUGIN "$ask" -- $ssh pam 'echo no'
want_rc 255
run 20 "$ask" -- $ssh pam 'echo hello'
want_rc 0

it "which may forbid a plugin, and then nothing of it runs"
echo "AllowPlugins $W/other" >"$W/home/.config/authplug/config"
run 20 "$ask" --plugin "/usr/bin/touch $W/has-run" -- $ssh pam 'echo no'
want_rc 255
want_err_like "^authplug askpass: the plugin /usr/bin/touch .*config:1"
want_not [ -e "$W/has-run" ]
want_nothing_left
rm "$W/home/.config/authplug/config"

it "where there is no plugin the question goes to the terminal, marked"
run 20 --pty --on 'server| Password:' "type:$(printf %s "$password" |
    od -An -tx1 | tr -d '\n' | sed 's/ /\\x/g')\n" -- \
    env -u AUTHPLUG_PLUGIN "$ask" -- $ssh pam 'echo hello'
want_rc 0
want_screen hello
want_nothing_left

it "it does where the plugin wants no part in it"
run 20 --pty --on 'server| Password:' "type:$(printf %s "$password" |
    od -An -tx1 | tr -d '\n' | sed 's/ /\\x/g')\n" -- \
    "$ask" --plugin "$(hostile 'protocol:reject=not for me')" -- $ssh pam \
    'echo hello'
want_rc 0
want_screen "plugin| not for me"
want_screen hello
want_nothing_left

it "the plugin may ask the user in between"
run 20 --pty --on 'plugin| Which?' 'type:stoat\n' -- "$ask" \
    --plugin "$(hostile 'request:ask=Which? ')" -- $ssh one 'echo hello'
want_rc 0
want_screen hello
want_no_screen stoat
want_nothing_left

it "two that ask the user take turns"
run 20 --pty --on 'plugin| Which?' 'type:stoat\n' \
    --on 'plugin| Which?' 'type:stoat\n' -- "$ask" \
    --plugin "$(hostile 'request:ask=Which? ')" -- sh -c \
    "$ssh one 'echo hello' & $ssh one 'echo hello' & wait"
want_rc 0
want [ "$(grep -c hello "$W/screen")" = 2 ]
want_nothing_left

it "ssh's question about a host key goes to the terminal, and is seen typed"
: >"$W/kh_empty"
run 20 --pty --on '(yes/no/[fingerprint])?' 'type:yes\n' -- "$ask" -- $ssh \
    -o UserKnownHostsFile="$W/kh_empty" -o StrictHostKeyChecking=ask \
    pam 'echo hello'
want_rc 0
want_screen "])? yes"
want_screen hello
want_no_screen "server|"
want grep -q ssh-ed25519 "$W/kh_empty"
want_nothing_left

it "a key's passphrase is the user's, and then the plugin answers"
run 20 --pty --on "Enter passphrase for key '$W/locked':" 'type:open it\n' -- \
    "$ask" -- $ssh keyfirst 'echo hello'
want_rc 0
want_screen hello
want_no_screen 'open it'
want_nothing_left

it "a certificate, which libssh cannot use, and then the plugin"
ssh-keygen -q -t ed25519 -N '' -C ca -f "$W/ca"
ssh-keygen -q -t ed25519 -N '' -C '' -f "$W/certified"
ssh-keygen -q -s "$W/ca" -I test -n "$me" "$W/certified.pub"
sshd_start certificates "TrustedUserCAKeys $W/ca.pub" \
    "PubkeyAuthentication yes" \
    "AuthenticationMethods publickey,keyboard-interactive"
run 20 "$ask" -- $ssh -o IdentityFile="$W/certified" certificates 'echo hello'
want_rc 0
want_out_is hello
want_sshd_log certificates "Accepted keyboard-interactive/pam for $me"
want_sshd_log certificates "ED25519-CERT"

it "words that are no question are shown, and are gone with their ssh"
mkdir "$W/bin"
cat >"$W/bin/ssh" <<'END'
#!/bin/sh
SSH_ASKPASS_PROMPT=none "$SSH_ASKPASS" "Confirm user presence for key X" &
sleep 1
kill $!
wait $!
echo "$?"
END
chmod +x "$W/bin/ssh"
run 20 "$ask" -- sh -c "\"$W/bin/ssh\"; true"
want_rc 0
want_err "ssh| Confirm user presence for key X"
want_out_is 143
want_nothing_left

it "a question for a yes or no takes nothing else for a yes"
cat >"$W/bin/ssh" <<'END'
#!/bin/sh
SSH_ASKPASS_PROMPT=confirm "$SSH_ASKPASS" "Allow use of key X?"
echo "[$?]"
END
run 20 --pty --on '(yes/no)' 'type:yes\n' -- "$ask" -- sh -c "\"$W/bin/ssh\"; true"
want grep -q '^\[0\]' "$W/screen"
run 20 --pty --on '(yes/no)' 'type:y\n' -- "$ask" -- sh -c "\"$W/bin/ssh\"; true"
want grep -q '^\[1\]' "$W/screen"
want_nothing_left

# ----------------------------------------------- where there is no terminal

cat >"$W/own" <<END
#!/bin/sh
echo "\$1|\${SSH_ASKPASS_REQUIRE-unset}|\${AUTHPLUG_ASKPASS-unset}" >>$W/asked
echo 'open it'
END
chmod +x "$W/own"

it "without one the user's own askpass is asked for it, as it was before"
rm -f "$W/asked"
run 20 env SSH_ASKPASS="$W/own" DISPLAY=:99 "$ask" -- $ssh keyfirst 'echo hello'
want_rc 0
want_out_is hello
want [ "$(cat "$W/asked")" = \
    "Enter passphrase for key '$W/locked': |unset|unset" ]
want_nothing_left

it "and before the terminal where the user has said so"
rm -f "$W/asked"
run 20 --pty -- env SSH_ASKPASS="$W/own" SSH_ASKPASS_REQUIRE=force "$ask" -- \
    $ssh keyfirst 'echo hello'
want_rc 0
want_screen hello
want grep -q '|force|unset$' "$W/asked"

it "one that gives no answer to the server ends ssh, and it is said once"
printf '#!/bin/sh\nexit 1\n' >"$W/cancel"
printf '#!/bin/sh\nkill -9 $PPID\nsleep 1\n' >"$W/killer"
chmod +x "$W/cancel" "$W/killer"
for how in "cancel:question was not answered: log in again" \
    "missing:cannot run $W/missing: No such file or directory: see SSH_ASKPASS" \
    "killer:the program that ssh asks by was killed, so ssh ends: log in"; do
    forget fail
    run 20 env -u AUTHPLUG_PLUGIN SSH_ASKPASS="$W/${how%%:*}" DISPLAY=:99 \
        "$ask" -- $ssh fail 'echo no'
    want_refusal "${how#*:}"
    want_no_log fail '"event": "answered"'
done

it "one that cannot be run for a passphrase does not"
run 20 env SSH_ASKPASS="$W/missing" DISPLAY=:99 "$ask" -- $ssh keyonly 'echo no'
want_rc 255
want_err "authplug-askpass: cannot run $W/missing: No such file or directory"
want_err "Permission denied"
want_nothing_left

it "one that takes its time for the server is waited for, and answers"
printf '#!/bin/sh\nsleep 1\necho %s\n' "$password" >"$W/slow"
chmod +x "$W/slow"
run 20 env -u AUTHPLUG_PLUGIN SSH_ASKPASS="$W/slow" DISPLAY=:99 "$ask" -- \
    $ssh pam 'echo hello'
want_rc 0
want_out_is hello

it "where nobody can be asked ssh ends, and sends no empty answer"
forget fail
run 20 env -u AUTHPLUG_PLUGIN "$ask" -- $ssh fail 'echo no'
want_refusal "nobody can be asked"
want_err "server| Password:"
want_no_log fail '"event": "answered"'

it "--batch asks nobody"
run 20 --pty -- env -u AUTHPLUG_PLUGIN "$ask" --batch -- $ssh pam 'echo no'
want_rc 255
want_screen "log in without --batch"
run 20 --pty -- "$ask" --batch --plugin "$(hostile 'request:ask=Which? ')" -- \
    $ssh one 'echo no'
want_rc 255
want_screen "plugin| Which?"
want_screen "log in without --batch"
want_nothing_left

it "a passphrase that nobody can be asked for does not end ssh"
run 20 "$ask" --batch -- $ssh keyonly 'echo no'
want_rc 255
want_err "Permission denied"
want_nothing_left

finish
