#!/bin/sh
# change_password.sh FILE - password change, in a private file of lines
# NAME:HASH. Hashes are those of crypt(3); openssl makes them.
# shellcheck disable=SC2016 # dollars in hashes are dollars
. "$(dirname "$0")/../../sdk/tectia/plugin.sh" || exit 2
umask 077

die () { ssh_plugin_send error_log "$1"; ssh_plugin_failure; exit 2; }
refuse () { ssh_plugin_send error_msg "$1"; ssh_plugin_failure; exit 1; }

# crypt PASSWORD SALT - the password does not become an argument, which others
# could read; a long one would be cut off
crypt () {
    [ "${#1}" -le 200 ] || return 1
    printf '%s\n' "$1" | openssl passwd -6 -salt "$2" -stdin
}

ssh_plugin_params || die "the parameters have no end"
user=$(ssh_plugin_get user_name)
old=$(ssh_plugin_get old_password)
new=$(ssh_plugin_get new_password)
[ -n "$user" ] || die "no user_name"
[ -n "$old" ] || die "no old_password"
[ -n "$new" ] || die "no new_password"

hash='$6$nobody$'       # takes as long as a known user's
[ -r "$1" ] || die "$1 cannot be read"
while IFS= read -r line || [ -n "$line" ]; do
    [ "${line%%:*}" != "$user" ] || hash=${line#*:}
done <"$1"
salt=${hash#'$6$'} salt=${salt%%'$'*}
is=$(crypt "$old" "$salt") || is=
if [ -z "$is" ] || [ "$is" != "$hash" ]; then
    refuse "The old password is wrong."
fi
if [ "${#new}" -lt 12 ] || [ "${#new}" -gt 200 ]; then
    refuse "The new password needs 12 to 200 characters."
fi
[ "$new" != "$old" ] || refuse "The new password is the old one."
hash=$(crypt "$new" "$(openssl rand -hex 8)") || die "openssl made no hash"

# who can make FILE.new does the change, and nobody else meanwhile
(set -C; : >"$1.new") 2>/dev/null || die "$1.new is in the way"
trap 'rm -f "$1.new"' EXIT
trap 'exit 2' HUP INT TERM
while IFS= read -r line || [ -n "$line" ]; do
    [ "${line%%:*}" != "$user" ] || line=$user:$hash
    printf '%s\n' "$line" || die "$1.new cannot be written"
done <"$1" >"$1.new"
mv "$1.new" "$1" || die "$1 cannot be replaced"
trap - EXIT
ssh_plugin_success
