# private_etc.sh - accounts for tests, in a copy of /etc that only this script
# sees. Sourced after pam_lib.sh, by root.
#
#     account NAME PASSWORD    makes one, whose password is good
#     expire NAME              it must be changed at the next login
#     passwd_stack LINE...     pam.d/passwd, for the real passwd

[ "$(id -u)" = 0 ] || skip_all "root, for accounts in a private /etc"
[ "$(readlink /proc/self/ns/mnt)" != "$(readlink /proc/1/ns/mnt)" ] ||
    skip_all "a private mount namespace, for a private /etc"
need passwd passwd
need chpasswd passwd
cp -a /etc "$W/etc"
mount --bind "$W/etc" /etc

account () {
    echo "$1:x:$((60000 + $(wc -l </etc/passwd))):60000::/:/bin/sh" >>/etc/passwd
    echo "$1:!:20000:0:99999:7:::" >>/etc/shadow
    set_password "$1" "$2"
}

# Without PAM, whose configuration may be the test's.
set_password () {
    hash=$("$PY" -W ignore -c 'import crypt, sys
print(crypt.crypt(sys.argv[1], crypt.mksalt(crypt.METHOD_SHA512)))' "$2")
    echo "$1:$hash" | chpasswd -e
}

expire () {
    chage -d 0 "$1"
}

passwd_stack () {
    for line; do echo "$line"; done >/etc/pam.d/passwd
}

# is_password NAME PASSWORD - it is the account's.
is_password () {
    "$PY" -W ignore -c 'import crypt, spwd, sys
hash = spwd.getspnam(sys.argv[1]).sp_pwdp
sys.exit(crypt.crypt(sys.argv[2], hash) != hash)' "$1" "$2"
}
