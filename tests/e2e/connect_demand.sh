#!/bin/sh
# The lines in ssh_config that have stock ssh bring a connection of authplug
# connect up on demand: never a second dialogue, never another host.
# shellcheck disable=SC2016,SC2034,SC2086,SC2154
. "${0%/*}/lib.sh"
need ssh openssh-client
need_built examples/hello
. "$E2E/sshd.sh"
login_program

client_config
sshd_start pam
sshd_start jump
port=$(sshd_port pam)

cat >"$W/counting" <<END
#!/bin/sh
echo asked >>"$W/asked"
exec '$hello' '$password'
END
# What is wrong, and slow enough for others to wait for it.
cat >"$W/failing" <<END
#!/bin/sh
echo asked >>"$W/asked"
sleep 1
exec '$hello' wrong
END
# The user, who is asked a second time.
cat >"$W/user" <<END
#!/bin/sh
echo "\$1" >>"$W/second"
END
chmod +x "$W/counting" "$W/failing" "$W/user"
: >"$W/asked"
asked () { wc -l <"$W/asked" | tr -d ' '; }

end () {
    pid=$(ssh -F "$W/ssh_config" -S "$1" -O check x 2>&1 |
        sed -n 's/.*pid=\([0-9]*\).*/\1/p')
    [ -z "$pid" ] || kill "$pid"
    n=0
    while [ -e "$1" ] && [ $n -lt 100 ]; do sleep 0.05; n=$((n + 1)); done
}
end_all () {
    for s in $(find "$W/run" "$W/home" -type s); do end "$s"; done
}
trap 'end_all; cleanup' EXIT

# neta and netb are one address, as two hosts behind two gates may be; via has a
# way of its own.
proxy_program
for net in neta netb; do
    printf 'Host %s\n    HostName 127.0.0.1\n    Port %s\n    HostKeyAlias %s\n' \
        $net "$port" $net >>"$W/hosts"
    printf '%s ' $net >>"$W/known_hosts"
    cut -d' ' -f1,2 "$W/ed25519.pub" >>"$W/known_hosts"
done
printf 'Host via\n    HostName 127.0.0.1\n    Port %s\n    ProxyCommand %s\n' \
    "$port" "$W/through %h %p" >>"$W/hosts"

# lines FILE PATH OPTIONS - a configuration that has them on demand
lines () {
    cat >"$1" <<END
Include $W/ssh_config
Match originalhost pam,jump,neta,netb,via exec "$BUILD/authplug connect --if-needed $3 -S $2 -l %r -p %p %n"
    ControlPath $2
    ProxyCommand $BUILD/authplug no-connection
END
}
lines "$W/on_demand" "$W/run/ap-%n-%C" "-F $W/on_demand"
lines "$W/short" "$W/run/ap-%C" "-F $W/short"
lines "$W/plain" "$W/run/ap-%n-%C" ""
asks="env SSH_ASKPASS=$W/user SSH_ASKPASS_REQUIRE=force"
demand="$asks AUTHPLUG_PLUGIN=$W/counting ssh -F $W/on_demand"
short="$asks AUTHPLUG_PLUGIN=$W/counting ssh -F $W/short"
plain="$asks AUTHPLUG_PLUGIN=$W/counting ssh -F $W/plain"
failing="$asks AUTHPLUG_PLUGIN=$W/failing ssh -F $W/on_demand"

# want_dialogues BEFORE N
want_dialogues () {
    [ "$(asked)" = $(($1 + $2)) ] || wrong "$(($(asked) - $1)) dialogues"
    [ ! -e "$W/second" ] || wrong "the user was asked: $(cat "$W/second")"
    rm -f "$W/second"
}
want_one_connect_line () {
    n=$(grep -c '^authplug connect: ' "$W/err")
    [ "$n" = 1 ] || wrong "$n lines of authplug connect"
}

it "plain ssh brings the connection up on demand, once"
before=$(asked)
run 30 --keep -- $demand pam 'echo one'
want_rc 0
want_out_is one
want_quiet
run 30 --keep -- $demand pam 'echo two'
want_out_is two
want_dialogues "$before" 1

it "who asks again with the same words needs no ssh -G"
mkdir "$W/bin"
real=$(command -v ssh)
cat >"$W/bin/ssh" <<END
#!/bin/sh
echo "\$*" >>"$W/resolved"
exec $real "\$@"
END
chmod +x "$W/bin/ssh"
counted="env PATH=$W/bin:$PATH $real -F $W/on_demand"
run 30 --keep -- $counted pam true
want_rc 0
[ ! -e "$W/resolved" ] || wrong "it ran ssh $(cat "$W/resolved")"
run 30 --keep -- $counted -b 127.0.0.1 pam true
[ -e "$W/resolved" ] || wrong "other words were not resolved"

it "-G and -O do not bring it up"
end_all
before=$(asked)
run 20 $demand -G pam
want_rc 0
want_out "controlpath $W/run/ap-pam-"
run 20 $demand -O check pam
want_rc 255
want_dialogues "$before" 0
want_nothing_left

it "eight at once make one connection"
before=$(asked)
run 40 --keep -- sh -c "for i in 1 2 3 4 5 6 7 8; do
    { $demand pam true || echo \$i; } & done; wait"
want_out_none
want_dialogues "$before" 1
end_all

# -------------------------------------------------------------------- failures

it "a failure is shown once, and causes no second dialogue"
before=$(asked)
run 30 $failing pam true
want_rc 255
want_dialogues "$before" 1
want_one_connect_line
want_err "authplug no-connection: "
want_nothing_left

it "nor where ssh has a way of its own to the server"
run 30 --keep -- $demand jump true
for how in via "-J jump pam" "-oProxyJump=jump pam" "-o ProxyJump=none pam" \
    "-o ProxyCommand=none pam"; do
    before=$(asked)
    run 30 $failing $how 'echo in'
    want_out_none
    want_rc 143
    want_dialogues "$before" 1
    want_one_connect_line
done
end_all
want_nothing_left

it "those that waited for a login that failed say so"
before=$(asked)
run 30 sh -c "for i in 1 2 3; do $failing pam true & done; wait"
want_dialogues "$before" 1
n=$(grep -c "another process's login for this connection has just failed" \
    "$W/err")
[ "$n" = 2 ] || wrong "$n said so"

it "who wants no shared connection is told what that means, and is not asked"
before=$(asked)
for how in "-S none" -oControlPath=none -M "-o ControlMaster=yes"; do
    run 20 $demand $how pam true
    want_rc 255
    how=${how#-o}
    want_err "authplug no-connection: with ${how# } ssh shares no connection"
done
want_dialogues "$before" 0
want_nothing_left

it "misuse is said, and nothing else follows from it"
for words in "--timeout 0 pam" "--nonsense pam" "-z pam" "" "pam true" "-G pam"; do
    run 20 "$BUILD/authplug" connect --if-needed $words
    want_rc 0
    want_err_like '^authplug connect: .+'
    run 20 "$BUILD/authplug" connect $words
    want_rc 255
done

it "nor where the program beside is missing"
mkdir "$W/alone"
cp "$BUILD/authplug" "$W/alone/authplug"
run 20 env PATH="$W/alone" LD_LIBRARY_PATH="$BUILD" "$W/alone/authplug" connect --if-needed pam
want_rc 0
want_err "cannot run authplug-ssh"

# ------------------------------------------------------------- the right host

it "hosts that are one address have connections of their own"
before=$(asked)
run 30 --keep -- sh -c "$demand neta 'echo a'; $demand netb 'echo b';
    $demand neta 'echo a'; $demand netb 'echo b'"
want_out_is a b a b
want_dialogues "$before" 2
end_all

it "where the path does not tell them apart, nothing goes to the other host"
before=$(asked)
run 30 --keep -- $short neta 'echo a'
want_out_is a
for i in 1 2; do
    run 30 --keep -- $short netb 'echo b'
    want_rc 143
    want_out_none
    want_err "a connection to another host or user is at $W/run/ap-"
    want_err "put %n into ControlPath"
done
run 30 --keep -- $short neta 'echo still'
want_out_is still
want_dialogues "$before" 1
end_all

it "nor where its own connection stands elsewhere"
lines "$W/fixed" "$W/run/cm" "-F $W/fixed"
fixed="$asks AUTHPLUG_PLUGIN=$W/counting ssh -F $W/fixed"
run 30 --keep -- $fixed neta 'echo a'
want_out_is a
run 30 --keep -- "$BUILD/authplug" connect -F "$W/ssh_config" \
    --plugin "$W/counting" -S "$W/run/other" netb
want_rc 0
run 30 --keep -- $fixed netb 'echo b'
want_rc 143
want_out_none
want_err "a connection to another host or user is at $W/run/cm"
end_all

it "nor where a login is not to be made"
mkdir -p "$W/limits/authplug"
echo "AllowPlugins /nowhere/plugin" >"$W/limits/authplug/config"
chmod 600 "$W/limits/authplug/config"
run 30 --keep -- $fixed neta 'echo a'
want_out_is a
run 30 --keep -- env XDG_CONFIG_HOME="$W/limits" $fixed netb 'echo b'
want_rc 143
want_out_none
want_err "is not in the list of"
end_all

it "nor where the other one's directory is another"
run 30 --keep -- env XDG_RUNTIME_DIR= $short neta 'echo a'
want_out_is a
run 30 --keep -- $short netb 'echo b'
want_rc 143
want_out_none
run 30 --keep -- $short neta 'echo still'
want_out_is still
end_all

it "a way that the command line names is the connection's"
before=$(asked)
: >"$W/jump/log"
run 30 --keep -- $demand -J jump pam 'echo through'
want_rc 0
want_out_is through
want_quiet
want_sshd_log jump "Accepted"
want_dialogues "$before" 2

it "and is not that of who names none"
run 30 --keep -- $demand pam 'echo straight'
# where %C tells of the jump it has a path of its own
if [ "$rc" != 0 ]; then
    want_out_none
    want_err "a connection to another host or user is at $W/run/ap-pam-"
    want_dialogues "$before" 2
else
    want_dialogues "$before" 3
fi
end_all

it "the same of a file, a name and an alias"
run 30 --keep -- $plain pam 'echo file'
want_out_is file
want_quiet
run 30 --keep -- $demand -o HostKeyAlias=neta -o HostName=127.0.0.1 \
    -p "$(sshd_port jump)" via 'echo ${SSH_CONNECTION##* }'
want_out_is "$(sshd_port jump)"
want_quiet
end_all

it "a relative file is another one elsewhere"
mkdir "$W/here" "$W/there"
lines "$W/here/conf" "$W/run/ap-%C" ""
sed 's/^Include/Host pam\n    HostKeyAlias neta\nMatch all\n    Include/' \
    "$W/here/conf" >"$W/there/conf"
conf="$asks AUTHPLUG_PLUGIN=$W/counting ssh -F conf pam"
run 30 --keep -- sh -c "cd $W/here && exec $conf 'echo here'"
want_out_is here
run 30 --keep -- sh -c "cd $W/there && exec $conf 'echo there'"
want_rc 143
want_out_none
end_all

it "a path that the command line names is where ssh finds it"
before=$(asked)
run 30 --keep -- $demand -S "$W/run/mine" pam 'echo one'
want_out_is one
run 30 --keep -- $demand -o ControlMaster=auto -o "ControlPath=$W/run/mine" \
    pam 'echo two'
want_out_is two
want_dialogues "$before" 1
end_all

it "authplug ssh does not bring up another one for its own ssh"
for how in "" "-S none"; do
    before=$(asked)
    run 30 --keep -- "$BUILD/authplug" ssh -F "$W/on_demand" $how \
        --plugin "$W/counting" pam 'echo in'
    want_rc 0
    want_out_is in
    want_dialogues "$before" 1
    end_all
done

it "a connection that stock ssh had to make is found by its host, too"
ssh-keygen -q -t ed25519 -N '' -C '' -f "$W/authority"
ssh-keygen -q -s "$W/authority" -I host -h -n 127.0.0.1 "$W/ed25519.pub"
sshd_start certified "HostCertificate $W/ed25519-cert.pub"
{ printf '@cert-authority * '; cut -d' ' -f1,2 "$W/authority.pub"; } \
    >"$W/authorities"
printf '#!/bin/sh\necho "%s"\n' "$password" >"$W/typing"
chmod +x "$W/typing"
for net in certa certb; do
    sed -n 's/^Host certified/Host '$net'/; /^Host '$net'/,$p' "$W/hosts"
    printf '    UserKnownHostsFile %s\n    HostKeyAlias 127.0.0.1%s\n' \
        "$W/authorities" "$(echo $net | sed -n 's/certb/./p')"
done >"$W/nets"
cat "$W/nets" >>"$W/hosts"
sed 's/originalhost pam/originalhost certa,certb/' "$W/short" >"$W/stock"
typing="env SSH_ASKPASS=$W/typing SSH_ASKPASS_REQUIRE=force
    AUTHPLUG_PLUGIN=$W/counting ssh -F $W/stock"
sed -i "s|-F $W/short|-F $W/stock|" "$W/stock"
for i in 1 2; do
    run 30 --keep -- $typing certa 'echo in'
    want_rc 0
    want_out_is in
done
run 30 --keep -- $typing certb 'echo in'
want_rc 143
want_out_none
end_all

it "a host with a slash leads nowhere"
sed 's/originalhost pam/originalhost *pam/' "$W/on_demand" >"$W/wild"
mkdir "$W/run/ap-x"
before=$(asked)
run 30 $asks AUTHPLUG_PLUGIN="$W/counting" ssh -F "$W/wild" \
    x/../../../tmp/pam true
want_rc 255
want_dialogues "$before" 0
want_nothing_left

it "notes on connections that have ended are taken away"
run 30 --keep -- sh -c "$demand neta true && $demand netb true"
end_all
run 30 --keep -- $demand pam true
n=$(find "$W/run/authplug" -name '*.asked' | wc -l)
[ "$n" = 1 ] || wrong "$n notes"
end_all
[ -z "$(find "$W/run" -name 'ap-pam-*' -type l)" ] || wrong "a link is left"

it "and are not those of the next one"
run 30 --keep -- $demand pam true
note=$(find "$W/run/authplug" -name '*.asked')
end_all
[ -s "$note" ] || wrong "there is none"
run 30 --keep -- "$BUILD/authplug" connect -F "$W/on_demand" \
    --plugin "$W/counting" pam
[ ! -e "$note" ] || wrong "it is still there"
end_all

finish
