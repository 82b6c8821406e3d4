# askpass_lib.sh - servers, and `authplug askpass` in one word; sourced after
# lib.sh by its tests, which name asyncssh's behaviours in $behaviours.

need ssh openssh-client
need_built authplug
need_built authplug-askpass
need_built examples/hello
. "$E2E/sshd.sh"

# shellcheck disable=SC2086
asyncssh_start $behaviours
# shellcheck disable=SC2086
client_config $behaviours
sshd_start pam
sshd_start keyonly "PubkeyAuthentication yes" \
    "KbdInteractiveAuthentication no" "client=IdentityFile $W/locked"
ssh-keygen -q -t ed25519 -N 'open it' -C user -f "$W/locked"
cat "$W/locked.pub" >>"$W/authorized_keys"

helper=$BUILD/authplug-askpass
answer="'$hello' '$password'"
AUTHPLUG_PLUGIN=$answer
export AUTHPLUG_PLUGIN

# ask [OPTION...] -- COMMAND... in one word; $ssh is stock ssh, with the tests'
# configuration in the place that only its command line can name.
cat >"$W/ask" <<END
#!/bin/sh
exec "$BUILD/authplug" askpass "\$@"
END
chmod +x "$W/ask"
ask=$W/ask
ssh="ssh -F $W/ssh_config"

# want_refusal REGEX - the login was ended, with one line that says why.
want_refusal () {
    want_rc 255
    want_err_like "^authplug askpass: .+: .+"
    want_err_like "^authplug askpass: .*$1"
    n=$(grep -c '^authplug[a-z -]*: ' "$W/err")
    [ "$n" = 1 ] || wrong "$n lines of authplug's own, not 1"
    want_nothing_left
}

recorded () {
    hostile "record=$W/record" "$@"
}
