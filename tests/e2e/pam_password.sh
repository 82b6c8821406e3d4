#!/bin/sh
# pam_authplug.so changes passwords: what is asked, what the plugin is told,
# whom it runs as, and what becomes of the old password.
. "${0%/*}/pam_lib.sh"

quick="min_time=300"
pamtest=
for d in /usr/lib/*/pam_wrapper /usr/lib/pam_wrapper; do
    [ ! -e "$d/pam_set_items.so" ] || pamtest=$d
done
[ -n "$pamtest" ] || skip_all "pam_set_items.so (Debian: libpam-wrapper)"

# refuses what is no change, and notes what it was told
plugin change <<'END'
params
echo "$(param user_name)/$(param old_password)/$(param new_password)" >>$1
if [ "$(param old_password)" != old-sesame ]; then
    echo "error_msg:The old password is wrong."
    echo failure
elif [ "$(param new_password)" = weak ]; then
    echo "error_msg:BAD PASSWORD: too short"
    echo failure
elif [ "$(param new_password)" = secretly-weak ]; then
    echo "error_log:found in the dictionary"
    echo failure
else
    echo success
fi
END
told=$W/told
line="password required MODULE [plugin=$plugins/change $told] $quick"
service change "$line"
service after "$line" "password required $pamtest/pam_get_items.so" \
    "auth required pam_permit.so"

# told LINE... - the plugin was, in this order.
want_told () {
    touch "$told"
    for text; do echo "$text"; done | diff - "$told" >"$W/want" ||
        wrong "the plugin was told something else: $(cat "$W/want")"
    rm -f "$told"
}
for_old="conversation of 1
secret|Current password: |"
for_new="conversation of 1
secret|New password: |"
for_again="conversation of 1
secret|Retype new password: |"
# a login's change: root's own would not ask for the old password
expired="-f expired"
# of whose password nothing is known
who=nobody-$$
plugin old <<'END'
params
echo failure
echo error_code:password_too_old
END
too_old="account required MODULE plugin=$plugins/old $quick"
as_me="password required MODULE [plugin=$plugins/change $told] user=$me $quick"

it "asks for the old password, and for the new one twice"
service login "$too_old" "$as_me"
host 10 $expired -a old-sesame -a fresh -a fresh login "$who" account password
want_rc 0
want_conversations "$for_old" "$for_new" "$for_again"
want_told "$who/old-sesame/fresh"
want_logged event password outcome accepted user "$who"
want_not_logged fresh
want_not_logged old-sesame
want_as_before

it "asks again when the two do not match, and when one is empty"
host 10 $expired -a old-sesame -a fresh -a frehs -a '' -a '' -a fresh -a fresh \
    login "$who" account password
want_rc 0
want_conversations "$for_old" "$for_new" "$for_again" \
    "conversation of 1" "error|The passwords do not match.|" "$for_new" "$for_again" \
    "conversation of 1" "error|The new password is empty.|" "$for_new" "$for_again"
want_told "$who/old-sesame/fresh"

it "gives up after three tries"
host 10 $expired -a old-sesame -a a -a b -a c -a d -a e -a f \
    login "$who" account password
want_rc 1
want_gave password "Authentication token manipulation error"
want_told
want_logged outcome rejected reason "The passwords do not match."
want_as_before

it "shows why the plugin refused, waits, and asks again"
host 10 $expired -a old-sesame -a weak -a weak -a old-sesame -a fresh -a fresh \
    login "$who" account password
want_rc 0
want_at_least 300
want_conversations "$for_old" "$for_new" "$for_again" \
    "conversation of 1" "error|BAD PASSWORD: too short|" \
    "$for_old" "$for_new" "$for_again"
want_told "$who/old-sesame/weak" "$who/old-sesame/fresh"
ms=$(sed -n 's/.*"ms":\([0-9]*\).*/\1/p' "$W/log" | tail -n 1)
[ "${ms:-9999}" -lt 300 ] || wrong "the time of the try before counts: $ms ms"

it "a program that names another user meanwhile changes nobody's password"
host 10 $expired -i mallory -a old-sesame -a fresh -a fresh \
    login "$who" account password
want_rc 1
want_told
want_logged outcome error user "$who" reason "*named another user"

it "what is for the log alone goes there"
host 10 $expired -a old-sesame -a secretly-weak -a secretly-weak \
    login "$who" account password
want_rc 1
want_conversations "$for_old" "$for_new" "$for_again" \
    "conversation of 1" "error|The password was not changed.|" "$for_old"
want grep -q '"detail":"found in the dictionary"' "$W/log"
want_not_logged secretly
rm -f "$told"

it "three refusals are enough"
host 10 $expired -a x -a a -a a -a x -a a -a a -a x -a a -a a \
    login "$who" account password
want_rc 1
want_gave password "Authentication token manipulation error"
want_after password 300 1900
want_told "$who/x/a" "$who/x/a" "$who/x/a"

it "a password with a line end is refused before the plugin sees it"
host 10 $expired -a old-sesame -a 'a\nsuccess' -a 'a\nsuccess' \
    login "$who" account password
want_rc 1
want_told
want_out "error|The new password holds a line end.|"
rm -f "$told"
host 10 $expired -a 'a\nsuccess' -a fresh -a fresh login "$who" account password
want_rc 1
want_told
want_logged outcome error reason "*cannot be passed on"

it "PAM_SILENT keeps the messages to itself"
host 10 -f expired -f silent -a old-sesame -a a -a b -a fresh -a fresh \
    login "$who" account password
want_rc 0
want_conversations "$for_old" "$for_new" "$for_again" "$for_new" "$for_again"
rm -f "$told"

it "who goes away changes nothing"
host 10 $expired -a old-sesame -a fresh login "$who" account password
want_rc 1
want_told
want_logged outcome error reason "*went away"
want_as_before

# ------------------------------------------------- where the old password is from

it "remember keeps the password of the login for the change"
service login2 "auth required $pamtest/pam_set_items.so" \
    "auth required MODULE remember" "auth required pam_permit.so" \
    "$too_old" "$as_me"
PAM_AUTHTOK=old-sesame
export PAM_AUTHTOK
host 10 $expired -a fresh -a fresh login2 "$who" auth account password
want_rc 0
want_conversations "$for_new" "$for_again"
want_told "$who/old-sesame/fresh"
want_not_logged old-sesame

it "remember asks nothing, and decides nothing"
service only "auth required $pamtest/pam_set_items.so" \
    "auth [success=die ignore=ignore default=die] MODULE remember" \
    "auth required pam_permit.so"
host 10 only "$who" auth credentials
want_rc 0
want_conversations
want_log_lines 0
unset PAM_AUTHTOK

it "it is asked for where it was not remembered"
host 10 $expired -a old-sesame -a fresh -a fresh \
    login2 "$who" auth account password
want_rc 0
want_conversations "$for_old" "$for_new" "$for_again"
rm -f "$told"

it "root need not know another's password"
if [ "$(id -u)" = 0 ]; then
    plugin forced <<'END'
params
[ "$(printf %s "$all" | grep -c old_password)" = 0 ] || exit
verdict "$(param new_password)" fresh
END
    service forced "password required MODULE plugin=$plugins/forced user=root \
$quick"
    host 10 -a fresh -a fresh forced "$who" password
    want_rc 0
    want_conversations "$for_new" "$for_again"
else
    lacking root
fi

it "root by setuid is not root"
if [ "$(id -u)" = 0 ]; then
    host 10 -u 4242 -a old-sesame -a fresh -a fresh forced "$who" password
    want_rc 1
    want_out "secret|Current password: |"
else
    lacking root
fi

# ------------------------------------------------------------- other modules

it "modules before it may give both passwords, modules after it get them"
service stack "$too_old" \
    "password required $pamtest/pam_set_items.so" \
    "$as_me" \
    "password required $pamtest/pam_get_items.so"
PAM_AUTHTOK=fresh PAM_OLDAUTHTOK=old-sesame
export PAM_AUTHTOK PAM_OLDAUTHTOK
host 10 $expired stack "$who" account password
want_rc 0
want_conversations
want_told "$who/old-sesame/fresh"
PAM_AUTHTOK=weak
host 10 $expired stack "$who" account password
want_rc 1
want_told "$who/old-sesame/weak"
want_conversations "conversation of 1" "error|BAD PASSWORD: too short|"
unset PAM_AUTHTOK PAM_OLDAUTHTOK

it "a password that is not expired is left alone, where only those are wanted"
if getent shadow "$me" >/dev/null 2>&1; then
    host 10 $expired change "$me" password
    want_rc 1
    want_conversations
    want_log_lines 0
else
    lacking "a line in the shadow file that we may read"
fi

it "programs that a plugin may run to change it do not come back to it"
for name in passwd chpasswd newusers; do
    service $name "$line" "password required pam_permit.so"
    host 10 $name "$me" password
    want_rc 0
    want_conversations
    want_told
done
service passwd "password required MODULE nonsense min_time=0"
host 10 passwd "$me" password
want_rc 1

it "a plugin that fails ends it, without another try"
plugin broken <<'END'
params
exit 3
END
service broken "$too_old" \
    "password required MODULE plugin=$plugins/broken user=$me $quick"
host 10 $expired -a old-sesame -a fresh -a fresh broken "$who" account password
want_rc 1
want_gave password "Authentication token manipulation error"
want_logged outcome error reason "*exit status 3"
want_out "error|The password was not changed.|"
want_as_before

it "a plugin that others can change is known before anything is asked"
chmod 777 "$plugins/broken"
host 10 $expired -a old-sesame -a fresh -a fresh broken "$who" account password
want_rc 1
want_gave password "Error in service module"
want_conversations
want_logged outcome error reason "*chmod go-w"
want_log_lines 2

it "config= names the plugin, and the program it is told of"
plugin path <<'END'
params
echo "$SSH2_PASSWD_PATH" >$1
echo success
END
cat >"$W/config" <<END
AuthPassword.ChangePlugin $plugins/path $W/path
PasswdPath "/usr/local/bin/goodpasswd \$user_name\$"
END
service config "$too_old" "password required MODULE config=$W/config user=$me"
host 10 $expired -a o -a n -a n config "$who" account password
want_rc 0
want grep -qxF '/usr/local/bin/goodpasswd $user_name$' "$W/path"

# ------------------------------------------------------------------ identities

it "the plugin runs as the user whose password it is"
if [ "$(id -u)" = 0 ]; then
    plugin whoami <<'END'
params
{ id -u; id -g; id -G; grep -E '^(Uid|Gid)' /proc/$$/status; } >$1
echo success
END
    : >"$W/ids"
    chmod 666 "$W/ids"
    service ids "$too_old" \
        "password required MODULE [plugin=$plugins/whoami $W/ids] $quick"
    host 10 $expired -a o -a n -a n ids daemon account password
    want_rc 0
    u=$(id -u daemon) g=$(id -g daemon)
    { id -u daemon; id -g daemon; id -G daemon
      printf 'Uid:\t%s\t%s\t%s\t%s\n' "$u" "$u" "$u" "$u"
      printf 'Gid:\t%s\t%s\t%s\t%s\n' "$g" "$g" "$g" "$g"
    } >"$W/should"
    want diff "$W/should" "$W/ids"
    want_as_before
else
    lacking root
fi

it "user= names another, for every type of line"
if [ "$(id -u)" = 0 ]; then
    service ids "auth required MODULE [plugin=$plugins/whoami $W/ids] \
user=daemon $quick"
    host 10 ids "$who" auth
    want_rc 0
    want diff "$W/should" "$W/ids"
else
    lacking root
fi

it "without it the plugin is the server, and root through and through"
if [ "$(id -u)" = 0 ]; then
    service ids "auth required MODULE [plugin=$plugins/whoami $W/ids] $quick"
    { echo 0; echo 0; echo 0
      printf 'Uid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\n'; } >"$W/should"
    host 10 ids "$who" auth
    want_rc 0
    want diff "$W/should" "$W/ids"
    host 10 -u 4242 ids "$who" auth
    want_rc 0
    want diff "$W/should" "$W/ids"
    want_as_before
else
    lacking root
fi

it "an account that does not exist is nobody to run as"
service ids "auth required MODULE plugin=$plugins/old user=$who $quick"
host 10 ids "$me" auth
want_rc 1
want_logged outcome error reason "*$who, who has no account"
service ids "$too_old" \
    "password required MODULE plugin=$plugins/old $quick"
host 10 $expired -a o -a n -a n ids "$who" account password
want_rc 1
want_logged outcome error reason "*$who, who has no account"

it "only root can change identities"
if [ "$(id -u)" != 0 ]; then
    service ids "auth required MODULE plugin=$plugins/old user=daemon $quick"
    host 10 ids "$me" auth
    want_rc 1
    want_logged outcome error reason "only root can run the plugin as daemon"
elif setpriv --reuid=daemon --regid=daemon --clear-groups true; then
    chmod 666 "$W/log"
    service ids "auth required MODULE plugin=/bin/true user=bin $quick"
    chmod 755 "$W/pam"
    run 10 setpriv --reuid=daemon --regid=daemon --clear-groups \
        env LD_PRELOAD="$BUILD/tests/syslog_shim.so" SYSLOG_SHIM="$W/log" \
        "$BUILD/tests/pam_harness" -c "$W/pam" ids alice auth
    want_rc 1
    want_logged outcome error reason "only root can run the plugin as bin"
fi

finish
