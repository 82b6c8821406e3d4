#!/bin/sh
# authplug serve: who gets in, who does not, and what clients see of it.
# shellcheck disable=SC2016 # words in single quotes are for the other side
. "${0%/*}/lib.sh"
. "${0%/*}/serve_lib.sh"
: >"$W/hosts"
: >"$W/known_hosts"
password_file
login_program
client_config

fast="AuthInteractiveFailureTimeout 0"
slow="AuthInteractiveFailureTimeout 1"

# -------------------------------------------------------- full fidelity

ask_info="$(plugin params ask 'Please tell. ' 'Color: ' "+Pet:s name? " . \
    want red rex . success)"
serve_start info "AuthKbdInt.Plugin $ask_info" "$slow"

it "a round is one request: title, instruction, prompts, what is shown"
talk info "none alice" "kbdint alice" "reply red rex" 'run echo "$LOGNAME"'
want_rc 0
want_out_is "failure keyboard-interactive" \
    'ask "Plugin authentication" "Please tell. " "" "Color: " "+Pet:s name? "' \
    success alice
want_serve_log info '"event":"keyboard-interactive","outcome":"accepted","user":"alice","rhost":"127.0.0.1","plugin":'
want_serve_log info '"event":"login","outcome":"accepted","user":"alice"'
want_idle info

it "over IPv6 as well"
run 20 "$PY" "$E2E/serve_client.py" --host ::1 "$(serve_port info)" \
    "kbdint alice" "reply red rex" 'run echo "$SSH_CONNECTION"'
want_rc 0
want_out '"Color: "'
want grep -Eq '^::1 [0-9]+ ::1 [0-9]+$' "$W/out"

it "a wrong answer is refused, and may be given again"
talk info "kbdint alice" "reply red max" "kbdint alice" "reply red rex"
want_rc 0
want_out "failure keyboard-interactive"
want_out success

it "replies are not in the log"
want_no_serve_log info max

it "stock ssh answers through askpass, and its command runs"
cat >"$W/askpass" <<'END'
#!/bin/sh
echo "$1" >>"${0%/*}/asked"
case $1 in *Color*) echo red ;; *Pet*) echo rex ;; *) echo sesame ;; esac
END
chmod +x "$W/askpass"
run 20 env SSH_ASKPASS="$W/askpass" SSH_ASKPASS_REQUIRE=force \
    ssh -F "$W/ssh_config" alice@info 'echo there; exit 7'
want_rc 7
want_out_is there
want_err "Plugin authentication"
want_err "Please tell."
want grep -qF 'Color: ' "$W/asked"

it "authplug ssh answers through a plugin"
run 20 "$login" --plugin "'$hello' red rex" alice@info 'echo there; exit 7'
want_rc 7
want_out_is there
want_nothing_left

it "plink answers through a plugin"
if command -v plink >/dev/null; then
    PUTTYDIR=$W/putty
    export PUTTYDIR
    mkdir -p "$PUTTYDIR/sessions"
    cat >"$PUTTYDIR/sessions/s" <<END
Protocol=ssh
HostName=127.0.0.1
PortNumber=$(serve_port info)
TryAgent=0
AuthPlugin=$hello red rex
END
    plink="plink -batch -load s -l alice -hostkey \
        $(ssh-keygen -lf "$W/ed25519.pub" | cut -d' ' -f2)"
    run 20 $plink 'echo there; exec >&- 2>&-; sleep 1; exit 7'
    want_rc 7
    want_out_is there
    run 90 sh -c "i=0; while [ \$i -lt 20 ]; do i=\$((i + 1))
        $plink 'exit 7'; [ \$? = 7 ] || exit 1
        done"
    want_rc 0
else
    lacking "plink (Debian: putty-tools)"
fi

it "ciphers whose MAC is of what is encrypted are no different"
run 20 env SSH_ASKPASS="$W/askpass" SSH_ASKPASS_REQUIRE=force \
    ssh -F "$W/ssh_config" -c aes256-ctr -m hmac-sha2-256-etm@openssh.com \
    alice@info 'echo there'
want_rc 0
want_out_is there

it "rounds follow one another, with and without prompts"
serve_start rounds "$fast" "AuthKbdInt.Plugin $(plugin record "$W/record" \
    params ask One First . ask Two . ask '' 'Thi;rd' . want 3 . success)"
talk rounds "kbdint alice" "reply 1" reply "reply 3"
want_out_is \
    'ask "Plugin authentication" "One" "" "First"' \
    'ask "Plugin authentication" "Two" ""' \
    'ask "Plugin authentication" "" "" "Thi;rd"' success
run 20 env SSH_ASKPASS="$W/three" SSH_ASKPASS_REQUIRE=force true
printf '#!/bin/sh\necho 3\n' >"$W/three"
chmod +x "$W/three"
run 20 env SSH_ASKPASS="$W/three" SSH_ASKPASS_REQUIRE=force \
    ssh -F "$W/ssh_config" alice@rounds 'echo there'
want_rc 0
want_out_is there

it "the plugin gets its parameters"
want grep -qx 'user_name:alice' "$W/record"
want grep -qx 'host_ip:127.0.0.1' "$W/record"
want grep -qx "host_name:$(uname -n)" "$W/record"
want grep -qx 'remote_host_ip:127.0.0.1' "$W/record"
want grep -qx 'remote_host_name:127.0.0.1' "$W/record"
want [ "$(sed -n '/end_of_params/q;p' "$W/record" | wc -l)" = 5 ]

it "the plugin's environment is PATH, and what the server gives it"
serve_start env "$fast" "PasswdPath /bin/some passwd" \
    "AuthKbdInt.Plugin env >$W/environ; echo success"
talk env "kbdint alice"
want_out success
# what a shell sets by itself is not ours
want [ "$(grep -vE '^(PWD|OLDPWD|SHLVL|_)=' "$W/environ" | cut -d= -f1 | sort |
    tr '\n' ' ')" = "PATH SSH2_PASSWD_PATH " ]
want grep -qx 'SSH2_PASSWD_PATH=/bin/some passwd' "$W/environ"

it "SSH_DEBUG_LEVEL goes along where the server has it"
SSH_DEBUG_LEVEL=4
export SSH_DEBUG_LEVEL
serve_start debug "$fast" "AuthKbdInt.Plugin env >$W/environ; echo success"
unset SSH_DEBUG_LEVEL
talk debug "kbdint alice"
want grep -qx 'SSH_DEBUG_LEVEL=4' "$W/environ"

it "what a plugin writes to standard error is logged, as its words"
serve_start err "$fast" "AuthKbdInt.Plugin $(plugin params err \
    'some "words"' failure)"
talk err "kbdint alice"
want_serve_log err "\"event\":\"stderr\".*\"detail\":\"some ..words..\""

# ---------------------------------------------------- methods and tries

pw="PasswordFile $W/passwords"
serve_start both "$pw" "$fast" "AuthKbdInt.Plugin $ask_info"

it "passwords are not in the log"
talk both "password alice sesame" "password alice wrong-one"
want_no_serve_log both 'sesame|wrong-one'

it "either method will do where none is required"
talk both "none alice" "password alice sesame" "run true"
want_out_is "failure keyboard-interactive,password" success
talk both "kbdint alice" "reply red rex"
want_out success

it "each method may be tried three times, then there is none"
talk both "password alice a" "password alice b" "password alice c" \
    "password alice sesame" "kbdint alice" "reply a b" "kbdint alice" \
    "reply a b" "kbdint alice" "reply red rex"
want grep -c '^failure keyboard-interactive,password$' "$W/out"
want [ "$(grep -c '^failure keyboard-interactive,password$' "$W/out")" = 2 ]
want [ "$(grep -c '^failure keyboard-interactive$' "$W/out")" = 4 ]
want_out success
talk both "password alice a" "password alice b" "password alice c" \
    "kbdint alice" "reply a b" "kbdint alice" "reply a b" "kbdint alice" \
    "reply a b" "password alice sesame"
want_rc 9
want_out "closed Too many authentication failures"
want_no_out success
want_idle both

it "PasswordGuesses and AuthKbdInt.Retries say how often"
serve_start tries "$pw" "$fast" "AuthKbdInt.Plugin $ask_info" \
    "PasswordGuesses 1" "AuthKbdInt.Retries 2"
talk tries "password alice a" "kbdint alice" "reply a b" "kbdint alice" \
    "reply a b"
want [ "$(grep -c '^failure keyboard-interactive$' "$W/out")" = 2 ]
want_out "closed Too many"

it "however often that is"
serve_start often "AuthKbdInt.Plugin $ask_info" "$fast" \
    "AuthKbdInt.Retries 40"
set --
for i in $(seq 39); do set -- "$@" "kbdint alice" "reply a b"; done
talk often "$@" "kbdint alice" "reply red rex"
want [ "$(grep -c '^failure' "$W/out")" = 39 ]
want_out success

it "requests that are no tries have a bound, too"
set --
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22; do
    set -- "$@" "none alice"
done
talk both "$@"
want_rc 9
want [ "$(grep -c '^failure' "$W/out")" = 20 ]

it "methods that are not here are refused"
talk both "method alice hostbased" "method alice foo" "password alice sesame"
want_out_is "failure keyboard-interactive,password" \
    "failure keyboard-interactive,password" success

it "all required methods must pass, in any order"
serve_start all "$pw" "$fast" "AuthKbdInt.Plugin $ask_info" \
    "RequiredAuthentications password,keyboard-interactive"
talk all "none alice" "password alice sesame" "kbdint alice" "reply red rex"
want_out_is "failure keyboard-interactive,password" \
    "partial keyboard-interactive" \
    'ask "Plugin authentication" "Please tell. " "" "Color: " "+Pet:s name? "' \
    success
talk all "kbdint alice" "reply red rex" "password alice x" \
    "password alice sesame"
want_out "partial password"
want_out "failure password"
want_out success
run 20 env SSH_ASKPASS="$W/askpass" SSH_ASKPASS_REQUIRE=force \
    ssh -F "$W/ssh_config" alice@all 'echo there'
want_rc 0
want_out_is there

it "one that has passed is not asked again, and does not count twice"
talk all "password alice sesame" "password alice sesame"
want_out_is "partial keyboard-interactive" "failure keyboard-interactive"

it "one that can pass no more ends the login"
talk all "password alice a" "password alice b" "password alice c"
want_out "closed Too many authentication failures"

it "one method that is required is the only one offered"
serve_start one "$pw" "$fast" "AuthKbdInt.Plugin $ask_info" \
    "RequiredAuthentications password"
talk one "none alice" "kbdint alice" "password alice sesame"
want_out_is "failure password" "failure password" success

it "AllowedAuthentications leaves others out"
serve_start allowed "$pw" "$fast" "AllowedAuthentications password"
talk allowed "none alice" "kbdint alice" "password alice sesame"
want_out_is "failure password" "failure password" success

# ----------------------------------------------------------- submethods

serve_start subs "$pw" "$fast" "AuthKbdInt.Plugin $ask_info" \
    "AuthKbdInt.Required password,plugin"
password_ask='ask "Password authentication" "" "" "Password: "'

it "required submethods follow one another in one dialogue"
talk subs "kbdint alice" "reply sesame" "reply red rex"
want_out_is "$password_ask" \
    'ask "Plugin authentication" "Please tell. " "" "Color: " "+Pet:s name? "' \
    success

it "a password that is asked for there does not do alone"
talk subs "none alice" "password alice sesame"
want_out_is "failure keyboard-interactive" "failure keyboard-interactive"
serve_start alone "$pw" "$fast" "AuthKbdInt.Plugin $ask_info" \
    "AuthKbdInt.Optional password,plugin" "AuthKbdInt.NumOptional 2"
talk alone "none alice" "password alice sesame"
want_out_is "failure keyboard-interactive" "failure keyboard-interactive"

it "unless the configuration names the method"
serve_start named "$pw" "$fast" "AuthKbdInt.Required password" \
    "AllowedAuthentications keyboard-interactive,password"
talk named "none alice" "password alice sesame"
want_out_is "failure keyboard-interactive,password" success
serve_start named "$pw" "$fast" "AuthKbdInt.Required password" \
    "RequiredAuthentications password,keyboard-interactive"
talk named "none alice" "password alice sesame"
want_out_is "failure keyboard-interactive,password" \
    "partial keyboard-interactive"

it "the first that fails ends it"
talk subs "kbdint alice" "reply x" "kbdint alice" "reply sesame" "reply a b"
want [ "$(grep -c '^failure keyboard-interactive$' "$W/out")" = 2 ]
want_no_out success
want_idle subs

it "an optional submethod that fails leaves the next one"
serve_start optional "$pw" "$slow" "AuthKbdInt.Plugin $ask_info" \
    "AuthKbdInt.Optional plugin,password"
times=yes
talk optional "kbdint alice" "reply a b" "reply sesame"
want_out success
want_ms 1000 2500 'ask "Password'
talk optional "kbdint alice" "reply red rex"
want_out success
talk optional "kbdint alice" "reply a b" "reply x"
want_out "failure keyboard-interactive"
times=

it "as many must pass as AuthKbdInt.NumOptional says"
serve_start two "$pw" "$fast" "AuthKbdInt.Plugin $ask_info" \
    "AuthKbdInt.Optional plugin,password" "AuthKbdInt.NumOptional 2"
talk two "kbdint alice" "reply red rex" "reply sesame"
want_out success
talk two "kbdint alice" "reply a b"
want_out "failure keyboard-interactive"

it "where one is required, optional ones are asked for NumOptional only"
serve_start few "$pw" "$fast" "AuthKbdInt.Plugin $ask_info" \
    "AuthKbdInt.Required password" "AuthKbdInt.Optional plugin"
talk few "kbdint alice" "reply sesame"
want_out_is "$password_ask" success

it "without a plugin keyboard-interactive asks for the password"
serve_start plain "$pw" "$fast"
talk plain "none alice" "kbdint alice" "reply sesame"
want_out_is "failure keyboard-interactive,password" "$password_ask" success

# -------------------------------------------------- passwords that expired

it "a password that has expired is one to the program that changes it alone"
must_change='banner "Your password has expired: change it now, then log in anew.\r\n"'
talk plain "password expired sesame" "input x\\n" "run echo something else"
want_rc 1
want_out_is "$must_change" success 'Current password: ' 'Wrong password.'
talk plain "kbdint expired" "reply sesame" "input x\\n" "run echo some"
want_rc 1
want_out_is "$password_ask" "$must_change" success 'Current password: ' \
    'Wrong password.'
want_serve_log plain '"the password is right and must be changed'

it "the wrong password of such an account says nothing of that"
talk plain "password expired x"
want_out_is "failure keyboard-interactive,password"

it "PasswdPath is that program"
serve_start change "$pw" "$fast" "PasswdPath echo changed; exit 3"
talk change "password expired sesame" "run echo something else"
want_rc 3
want_out "banner \"Your password has expired: change it now"
want_out changed
want_no_out "something else"
talk change "kbdint expired" "reply sesame" "run echo something else"
want_rc 3
want_no_out "something else"

it "a request for a change with the right old password is no login"
talk plain "change alice sesame newer" "password alice newer"
want_out_is "failure keyboard-interactive,password" \
    "failure keyboard-interactive,password"
want_serve_log plain '"a change of the password was asked for'
talk plain "change alice sesame sesame"
want_out_is "failure keyboard-interactive,password"

it "a password file that others can read lets nobody in"
chmod 644 "$W/passwords"
talk plain "password alice sesame"
want_out_is "failure keyboard-interactive,password"
want_serve_log plain '"outcome":"error".*chmod'
chmod 600 "$W/passwords"

# ------------------------------------------------------- authorization

it "external authorization comes after authentication, before success"
serve_start guests "$pw" "$fast" "ExternalAuthorizationProgram $(plugin \
    record "$W/guests.record" params failure say error_code:generic_error \
    say "error_msg:Come back $(printf '\033')[7mtomorrow.")"
rm -f "$W/guests.record"
talk guests "password alice x" "none alice"
want [ ! -e "$W/guests.record" ]
talk guests "password alice sesame"
want_rc 9
want_out_is 'banner "Come back \\x1b[7mtomorrow.\r\n"' "closed Access denied"
want grep -qx 'user_name:alice' "$W/guests.record"
want_serve_log guests '"event":"authorization".*"outcome":"rejected",.*"reason":"the plugin says: Come back .u001b'
want_no_serve_log guests '"event":"login".*accepted'

it "stock ssh shows the reason of a refusal"
run 20 env SSH_ASKPASS="$W/askpass" SSH_ASKPASS_REQUIRE=force \
    ssh -F "$W/ssh_config" alice@guests true
want_rc 255
want_err "Come back"

it "a plugin that allows it lets the user in"
serve_start members "$pw" "$fast" \
    "ExternalAuthorizationProgram $(plugin params success)"
talk members "password alice sesame" "run echo there"
want_out_is success there

for deeds in "die" "params die" "params say hello sleep 0.1" "params success \
say more" "params say failure success" "params say success say failure"; do
    it "an authorization plugin that does this denies: $deeds"
    # shellcheck disable=SC2086
    serve_start bad "$pw" "$fast" \
        "ExternalAuthorizationProgram $(plugin $deeds)"
    talk bad "password alice sesame"
    want_rc 9
    want_out_is "closed Access denied"
    serve_stop bad
done

it "words of PasswdPath with a name in them are not the shell's"
serve_start words "$pw" "$fast" "AuthKbdInt.Plugin $(plugin params success)" \
    "AuthKbdInt.Required plugin" \
    'PasswdPath printf "%s|" $$HOME ; $user_name$ "a b$user_name$"' \
    "ExternalAuthorizationProgram $(plugin params failure \
    say error_code:password_too_old)"
talk words "kbdint x\\x20'\\x22\\x24(id)\\x3b\\x5c" "run true"
want_rc 0
want_out '$HOME|;|x '"'"'"$(id);\|a bx '"'"'"$(id);\|'

it "password_too_old runs PasswdPath and nothing else, if there is one"
serve_start old "$pw" "$fast" "PasswdPath echo changed" \
    "ExternalAuthorizationProgram $(plugin params failure \
    say error_code:password_too_old)"
talk old "password alice sesame" "run echo something else"
want_out changed
want_no_out "something else"
serve_start older "$fast" "AuthKbdInt.Plugin $(plugin params success)" \
    "ExternalAuthorizationProgram $(plugin params failure \
    say error_code:password_too_old)"
talk older "kbdint alice"
want_rc 9
want_out_is 'banner "Your password is too old.\r\n"' "closed Access denied"

it "what else the plugin says then is told, and logged"
late="say error_code:password_too_old say error_msg:After_90_days."
# shellcheck disable=SC2086
serve_start old "$pw" "$fast" "PasswdPath echo changed" \
    "ExternalAuthorizationProgram $(plugin params failure $late)"
talk old "password alice sesame" "run true"
want_out_is 'banner "After_90_days.\r\n"' \
    "$must_change" success changed
want_serve_log old '"event":"authorization","outcome":"accepted",.*"reason":"the password is too old: After_90_days."'
# shellcheck disable=SC2086
serve_start older "$fast" "AuthKbdInt.Plugin $(plugin params success)" \
    "ExternalAuthorizationProgram $(plugin params failure $late)"
talk older "kbdint alice"
want_rc 9
want_out_is 'banner "After_90_days.\r\nYour password is too old.\r\n"' \
    "closed Access denied"
want_serve_log older '"event":"authorization","outcome":"rejected",.*"reason":"there is no PasswdPath, and the password is too old: After_90_days."'

finish
