#!/bin/sh
# pam_authplug.so in a program that uses PAM: who gets in, what the user sees,
# what the log says.
# shellcheck disable=SC2016 # dollars are the plugins'
. "${0%/*}/pam_lib.sh"

quick="min_time=300"
slow=250                # a refusal that took this long waited

# ---------------------------------------------------------------- the dialogue

plugin ask <<'END'
params
ask "instruction:Please tell me." "req:Secret: " "req_echo:Color: "
verdict "$r1 $r2" "sesame blue"
END
service ask "auth required MODULE plugin=$plugins/ask $quick"

it "right answers let the user in"
host 10 -r pc.example -a sesame -a blue ask alice auth credentials
want_rc 0
want_conversations "conversation of 3" "text|Please tell me.|" \
    "secret|Secret: |" "echo|Color: |"
want_gave auth Success
want_gave credentials Success
want_as_before
want_log_lines 1
want_logged event auth outcome accepted user alice rhost pc.example \
    service ask plugin "$plugins/ask" reason -
want_not_logged sesame
want_not_logged blue

it "a wrong answer does not, and the refusal takes its time"
host 10 -a sesame -a red ask alice auth
want_rc 1
want_gave auth "Authentication failure"
want_after auth 300 1900
want_as_before
want_log_lines 1
want_logged outcome rejected reason "the plugin said failure"

it "the time counts from the last reply on"
host 10 -d 400 -a sesame -a red ask alice auth
want_rc 1
want_after auth 300 1900

it "the log line has what it takes to find a login again"
host 10 -a a -a b ask alice auth
want grep -qE '"id":"[0-9a-f]{16}"' "$W/log"
want grep -qE '"ms":[0-9]+' "$W/log"
want grep -q '^<85> {' "$W/log"

plugin rounds <<'END'
params
ask "req:One: "
one=$r1
ask "instruction:Two more." "req:Two: " "req:Three: "
verdict "$one$r1$r2" 123
END
service rounds "auth required MODULE plugin=$plugins/rounds $quick"

it "rounds follow each other"
host 10 -a 1 -a 2 -a 3 rounds alice auth
want_rc 0
want_conversations "conversation of 1" "secret|One: |" \
    "conversation of 3" "text|Two more.|" "secret|Two: |" "secret|Three: |"
want_as_before

plugin notice <<'END'
params
ask "instruction:Approve 42 on your phone."
verdict "$n" 0
END
service notice "auth required MODULE plugin=$plugins/notice $quick"

it "an instruction without a prompt gets one, so that it is seen"
host 10 -a "typed by mistake" notice alice auth
want_rc 0
want_conversations "conversation of 2" "text|Approve 42 on your phone.|" \
    "secret|Press Return to continue: |"
want_not_logged mistake

plugin nothing <<'END'
params
for i in 1 2 3; do ask; done
verdict "$n" 0
END
service nothing "auth required MODULE plugin=$plugins/nothing $quick"

it "a round without anything is not shown"
host 10 nothing alice auth
want_rc 0
want_conversations

it "PAM_SILENT leaves out what is not a prompt"
host 10 -f silent -a sesame -a blue ask alice auth
want_rc 0
want_conversations "conversation of 2" "secret|Secret: |" "echo|Color: |"
host 10 -f silent notice alice auth
want_rc 0
want_conversations

plugin many <<'END'
params
echo "instruction:All of them."
i=0
while [ $i -lt $1 ]; do i=$((i + 1)); echo "req:$i: "; done
echo end_of_requests
replies
verdict "$n${r1}$r100" "100yesyes"
END
service many "auth required MODULE [plugin=$plugins/many 100] $quick"
service toomany "auth required MODULE [plugin=$plugins/many 101] $quick"
yeses () {
    set -- "$@" --
    i=0
    while [ $i -lt 100 ]; do i=$((i + 1)); printf -- '-a yes '; done
}

it "a hundred prompts go to the user in as few calls as PAM allows"
# shellcheck disable=SC2046
host 10 $(yeses) many alice auth
want_rc 0
[ "$(grep '^conversation' "$W/out" | tr '\n' ' ')" = \
    "conversation of 32 conversation of 32 conversation of 32 conversation of 5 " ] ||
    wrong "the calls are others"
want_out "secret|100: |"

it "more are refused before the user sees any"
host 10 -a yes toomany alice auth
want_rc 1
want_conversations
want_logged outcome error reason "*limit"
want_as_before

plugin loud <<'END'
params
ask "$(printf 'instruction:\033[2J\b\342\200\256x')" "$(printf 'req:\033]0;hi\a: ')"
echo success
END
service loud "auth required MODULE plugin=$plugins/loud $quick"

it "prompts cannot touch the user's terminal"
host 10 -a yes loud alice auth
want_rc 0
want_conversations "conversation of 2" 'text|\x1b[2J\x08\u202ex|' \
    'secret|\x1b]0;hi\x07: |'
want_harmless

it "who goes away is not let in, and leaves nothing behind"
host 10 -a sesame ask alice auth
want_rc 1
want_gave auth "Authentication failure"
want_after auth 300 1900
want_logged outcome error reason "*went away"
want_as_before

it "a program that names another user meanwhile lets in neither"
host 10 -r pc.example -i mallory -a sesame -a blue ask alice auth
want_rc 1
want_gave auth "Authentication failure"
want_logged outcome rejected user alice rhost pc.example \
    reason "*named another user"
want_as_before

it "an answer that comes with an error is not kept"
long=$(head -c 4000 /dev/zero | tr '\0' x)
service at_once "auth required MODULE plugin=$plugins/ask min_time=0"
host 20 -n 20 -g -a "$long" at_once alice auth
want_rc 1
want_logged outcome error reason "*went away"
kept=$(sed -n 's/^left: \(.*\) bytes$/\1/p' "$W/out")
[ "${kept:-99999}" -lt 4000 ] || wrong "$kept bytes are left"
want_as_before

service hasty "auth required MODULE plugin=$plugins/ask timeout=1 $quick"

it "a user who takes too long is too late"
host 10 -d 700 -a sesame -a blue hasty alice auth
want_rc 1
want_gave auth "Authentication failure"
want_logged outcome error reason "*did not reply"
want_as_before

# ------------------------------------------------- replies that are no replies

plugin stubborn <<'END'
params
ask "req:One: "
one=$r1
ask "req:Two (after $one): "
echo success
END
service stubborn "auth required MODULE plugin=$plugins/stubborn $quick"

it "a reply with a line end denies whatever the plugin says, at the end"
for reply in 'a\nend_of_replies' '\n' "$(printf '\b\\n\r\177INCORRECT')" \
    "$(printf '\b')" "$(printf 'x\r')"; do
    host 10 -a "$reply" -a two stubborn alice auth
    want_rc 1
    want_gave auth "Authentication failure"
    want_after auth 300 1900
    want_conversations "conversation of 1" "secret|One: |" \
        "conversation of 1" "secret|Two (after ?): |"
    want_logged outcome rejected reason "*line end"
    want_as_before
done

it "so does one that is far too long"
host 10 -a "$(head -c 5000 /dev/zero | tr '\0' x)" -a two stubborn alice auth
want_rc 1
want_out "secret|Two (after ?): |"
want_logged outcome rejected

it "a reply that looks like the protocol's lines is one reply"
host 10 -a "reply:x" -a success stubborn alice auth
want_rc 0
want_out "secret|Two (after reply:x): |"

it "empty secrets count where the program allows them"
host 10 -a '' -a '' stubborn alice auth
want_rc 0
host 10 -f no-null -a '' -a '' stubborn alice auth
want_rc 1
want_after auth 300 1900
want_logged outcome rejected reason "*PermitEmptyPasswords"
host 10 -f no-null -a '' -a x stubborn alice auth
want_rc 0
host 10 -f no-null -a '' notice alice auth
want_rc 0

# ------------------------------------------------------------------- more tries

service thrice "auth required MODULE plugin=$plugins/ask retries=3 $quick"

it "retries= gives more dialogues, each with its wait"
host 10 -a x -a x -a sesame -a blue thrice alice auth
want_rc 0
want_log_lines 2
want_at_least 300
host 10 -a x -a x -a x -a x -a x -a x thrice alice auth
want_rc 1
want_gave auth "Have exhausted maximum number of retries for service"
want_log_lines 3
want_at_least 900
want_as_before

it "but not to who has gone"
host 10 -a x thrice alice auth
want_gave auth "Have exhausted maximum number of retries for service"
want_log_lines 1

# ---------------------------------------------------------------- the parameters

plugin show <<'END'
params
echo "$all" >$1
echo success
END
service show "auth required MODULE [plugin=$plugins/show $W/params] $quick"
params_are () {
    for line; do echo "$line"; done >"$W/should"
    grep . "$W/params" | diff "$W/should" - >"$W/want" ||
        wrong "the parameters are others: $(cat "$W/want")"
}
name=$(uname -n)

it "under sshd all parameters are known"
host 10 -r pc.example -e 'SSH_CONNECTION=192.0.2.1 4711 198.51.100.2 22' \
    show alice auth
want_rc 0
params_are user_name:alice host_ip:198.51.100.2 "host_name:$name" \
    remote_host_ip:192.0.2.1 remote_host_name:pc.example
host 10 -r fe80::1%eth0 -e 'SSH_CONNECTION=fe80::1%eth0 4711 fe80::2%eth0 22' \
    show alice auth
want_rc 0
params_are user_name:alice host_ip:fe80::2%eth0 "host_name:$name" \
    remote_host_ip:fe80::1%eth0 remote_host_name:fe80::1%eth0

it "elsewhere those that PAM knows"
host 10 -r 192.0.2.1 show alice auth
params_are user_name:alice "host_name:$name" remote_host_ip:192.0.2.1 \
    remote_host_name:192.0.2.1
host 10 show alice auth
params_are user_name:alice "host_name:$name"

it "an SSH_CONNECTION that makes no sense is passed over"
for connection in 'UNKNOWN 65535 UNKNOWN 65535' '' ' ' 'x' '1.2.3.4' \
    'success failure success failure'; do
    host 10 -e "SSH_CONNECTION=$connection" show alice auth
    want_rc 0
    want_not grep -qE 'UNKNOWN|success|failure' "$W/params"
done

it "hostile names reach no plugin, and are harmless in the log"
rm -f "$W/params"
nl='
'
for user in "a${nl}success" "$(printf 'a\033[2J')" "$(printf 'a\177')" \
    "$(head -c 2000 /dev/zero | tr '\0' a)"; do
    host 10 show "$user" auth
    want_rc 1
    want_gave auth "Error in service module"
    want_after auth 300 1900
    want_log_lines 1
    want_logged outcome error reason "*user's name"
    want_as_before
done
for rhost in "x${nl}y" "a b" "$(printf '\342\200\256')" "$(printf '\033')"; do
    host 10 -r "$rhost" show alice auth
    want_rc 1
    want_logged outcome error reason "*PAM_RHOST"
done
want_not [ -e "$W/params" ]

it "any other name does, byte by byte"
for user in 'a:b' 'reply:x' '$(id)' "a'b\"c\\" "$(printf 'j\303\266rg')" \
    "$(printf '\377')"; do
    host 10 show "$user" auth
    want_rc 0
    want grep -qxF "user_name:$user" "$W/params"
    want_log_lines 1
    want_logged outcome accepted
done
host 10 show "$(printf 'j\303\266rg",\377')" auth
want_logged user "$(printf 'j\303\266rg",\357\277\275')"

# ------------------------------------------------------- what the plugin is given

plugin world <<'END'
params
{ env -0 | tr '\0' '\n' | sort; pwd; umask; ls /proc/$$/fd; id -u
  grep -E 'Sig(Ign|Blk)' /proc/self/status
} >$1
echo success
END
service world "auth required MODULE [plugin=$plugins/world $W/world] $quick"

it "a plugin finds a clean world, whatever the program is like"
for way in leaky rude ignore; do
    host 10 -s $way world alice auth
    want_rc 0
    want_out "the process is unchanged"
    sed 's/^_=.*//; s/^OLDPWD=.*//' "$W/world" | grep . >"$W/found"
    { echo PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
      printf '%s\n' PWD=/ / 0022 0 1 10 11 2 "$(id -u)"
      printf 'SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n'
    } >"$W/should"
    # 10 and 11 are the shell's: the script, and its output meanwhile
    diff "$W/should" "$W/found" >"$W/want" ||
        wrong "the world is another: $(cat "$W/want")"
done

it "with debug its standard error is logged, and only then"
plugin talk <<'END'
params
printf 'one\ntwo \033[2J"\n' >&2
echo success
END
service talk "auth required MODULE plugin=$plugins/talk $quick"
service talkdebug "auth required MODULE plugin=$plugins/talk debug $quick"
host 10 talk alice auth
want_rc 0
want_log_lines 1
plugin cry <<'END'
params
echo cry >&2
END
service cry "auth required MODULE plugin=$plugins/cry debug $quick"
host 10 cry alice auth
want_rc 1
want_not_logged "with debug"
host 10 talkdebug alice auth
want_rc 0
want_log_lines 3
want grep -q '^<87> {.*"event":"stderr".*"detail":"one"}$' "$W/log"
want grep -qF '"detail":"two \u001b[2J\""}' "$W/log"
[ "$(grep -oE '"id":"[0-9a-f]*"' "$W/log" | sort -u | wc -l)" = 1 ] ||
    wrong "the lines have different ids"

# ---------------------------------------------------------------- authorization

plugin allow <<'END'
params
verdict "$(param user_name)" alice
[ "$(param user_name)" = alice ] || {
    echo error_code:generic_error
    echo "error_msg:Come back tomorrow."
}
END
plugin old <<'END'
params
echo failure
echo error_code:password_too_old
echo "error_msg:Your password is 90 days old."
END
plugin bare <<'END'
params
echo failure
END
service allow "auth required MODULE plugin=$plugins/ask $quick" \
    "account required MODULE plugin=$plugins/allow $quick"
service old "account required MODULE plugin=$plugins/old $quick"
service bare "account required MODULE plugin=$plugins/bare $quick"

it "account lets in whom the plugin lets in"
host 10 allow alice account
want_rc 0
want_gave account Success
want_logged event account outcome accepted user alice

it "and tells others why not"
host 10 allow bob account
want_rc 1
want_gave account "Permission denied"
want_conversations "conversation of 1" "error|Come back tomorrow.|"
want_logged event account outcome rejected reason generic_error \
    message "Come back tomorrow."
want_after account 300 1900
host 10 bare bob account
want_rc 1
want_gave account "Permission denied"
want_conversations
want_logged reason "the plugin said failure"

it "PAM_SILENT keeps it quiet"
host 10 -f silent allow bob account
want_rc 1
want_conversations

it "a password that is too old must be changed"
host 10 old alice account
want_gave account "Authentication token is no longer valid; new one required"
want_conversations "conversation of 1" "error|Your password is 90 days old.|"
want_logged outcome rejected reason password_too_old \
    message "Your password is 90 days old."

it "all calls of a login have the same id, two logins have not"
host 10 -a sesame -a blue allow alice auth account
want_rc 0
want_log_lines 2
[ "$(grep -oE '"id":"[0-9a-f]*"' "$W/log" | sort -u | wc -l)" = 1 ] ||
    wrong "the lines have different ids"
host 10 -n 2 allow alice account
[ "$(grep -oE '"id":"[0-9a-f]*"' "$W/log" | sort -u | wc -l)" = 2 ] ||
    wrong "the logins have the same id"

it "without an account a refusal by account takes as long as a wrong answer"
host 10 -d 200 -a sesame -a blue allow bob auth account
want_rc 1
want_after account 280 1900

# ------------------------------------------------------------ the administrator's

service shell "auth required MODULE shell [plugin=$plugins/show \
$W/params 2>/dev/null; true] $quick"

it "a command's words are those of its quotes and brackets"
plugin words <<'END'
params
[ "$#/$1/$2/$3" = "3/a b/c]d/e" ] && echo success
END
service words "auth required MODULE [plugin=$plugins/words \"a b\" 'c\\]d' e] \
$quick"
host 10 words alice auth
want_rc 0

it "a shell runs the command only where it is asked for"
rm -f "$W/params"
host 10 shell alice auth
want_rc 0
want grep -q user_name:alice "$W/params"
for command in "'$plugins/show' $W/params" "exec $plugins/show $W/params"; do
    service shell "auth required MODULE shell [plugin=$command] $quick"
    rm -f "$W/params"
    host 10 shell alice auth
    want_rc 0
    want grep -q user_name:alice "$W/params"
    want_logged plugin "$plugins/show"
done
service noshell "auth required MODULE [plugin=$plugins/show \$HOME/x;true] $quick"
rm -f "$W/params"
host 10 noshell alice auth
want_rc 0
want_not [ -e "$HOME/x" ]
rm -f '/$HOME' '/$HOME/x;true'

# refused WORDS ARGUMENT... - the line denies, and the log says so.
refused () {
    words=$1
    shift
    service refused "auth required MODULE min_time=300 $*"
    host 10 refused alice auth
    want_rc 1
    want_gave auth "Error in service module"
    want_after auth 300 1900
    want_conversations
    want_log_lines 1
    want_logged outcome error reason "*$words" user alice
    want_as_before
}

it "arguments that are wrong deny"
refused '"nonsense" is unknown' "plugin=$plugins/ask nonsense"
refused '[plugin=/path word]' 'plugin="/a b"'
refused 'takes a number' "plugin=$plugins/ask timeout=10s"
refused 'there is no plugin' debug
refused 'a quote without end' "[plugin=$plugins/ask 'x]"

it "a plugin that is not there denies"
refused "$plugins/missing: No such file" "plugin=$plugins/missing"
refused "ask is not an absolute path" "plugin=ask"
begin="with shell, the command must begin with the program's absolute path"
refused "$begin" "plugin=./ask shell"
refused "$begin" '[plugin=exec ask] shell'
refused "$begin" '[plugin= ;] shell'
want_logged plugin -
refused "$plugins is not a file" "plugin=$plugins"
: >"$plugins/inert"
refused "may not be executed" "plugin=$plugins/inert"
printf '#!%s/missing\n' "$plugins" >"$plugins/orphan"
chmod 755 "$plugins/orphan"
refused "$plugins/missing: No such file" "plugin=$plugins/orphan"

it "a plugin that others can change denies, and the log says what to do"
mkdir "$plugins/d"
cp "$plugins/nothing" "$plugins/d/p"
chmod 775 "$plugins/d/p"
refused "chmod g-w $plugins/d/p" "plugin=$plugins/d/p"
chmod 757 "$plugins/d/p"
refused "chmod go-w $plugins/d/p" "plugin=$plugins/d/p"
chmod 755 "$plugins/d/p"
chmod 775 "$plugins/d"
refused "chmod g-w $plugins/d" "plugin=$plugins/d/p"
refused "chmod g-w $plugins/d" "[plugin=/bin/sh $plugins/d/p]"
refused "chmod g-w $plugins/d" "[plugin=/usr/bin/env sh $plugins/d/p]"
refused "chmod g-w $plugins/d" "[plugin=/bin/sh $plugins/d/p 2>&1] shell"
refused "chmod g-w $plugins/d" "plugin=$plugins/d/p shell"
ln -s d/p "$plugins/link"
refused "chmod g-w $plugins/d" "plugin=$plugins/link"
refused "chmod g-w $plugins/d" "[plugin=$plugins/nothing; $plugins/d/p] \
shell"
chmod 1777 "$plugins/d"
refused "$plugins/d can be written by others, as is its nature: use what lies" \
    "plugin=$plugins/d/p"
chmod 755 "$plugins/d"
printf '#!/bin/sh\n' >"$plugins/d/interpreter"
chmod 775 "$plugins/d/interpreter"
printf '#!%s/d/interpreter\n' "$plugins" >"$plugins/d/script"
chmod 755 "$plugins/d/script"
refused "chmod g-w $plugins/d/interpreter" "plugin=$plugins/d/script"

it "one that is another's denies, too"
if [ "$(id -u)" = 0 ]; then
    chown 4242 "$plugins/d/p"
    refused "$plugins/d/p belongs to user 4242, not to root: chown root" \
        "plugin=$plugins/d/p"
    chown 0 "$plugins/d/p"
    chown 4242 "$plugins/d"
    refused "chown root $plugins/d" "plugin=$plugins/d/p"
    chown 0 "$plugins/d"
else
    lacking "root"
fi

it "once all that is put right it runs"
service right "auth required MODULE plugin=$plugins/link $quick"
host 10 right alice auth
want_rc 0

# ------------------------------------------------------------------------ config

cat >"$W/config" <<END
# Tectia's keywords, and serve's
Port 2022
AuthKbdInt.Plugin "$plugins/ask"
AuthKbdInt.Retries 2
AuthInteractiveFailureTimeout 1
externalauthorizationprogram $plugins/allow
AuthPassword.ChangePlugin $plugins/change
PasswdPath /usr/bin/goodpasswd
END

it "config= names the plugins"
service config "auth required MODULE config=$W/config" \
    "account required MODULE config=$W/config min_time=0"
host 10 -a x -a x -a sesame -a blue config alice auth account
want_rc 0
want_log_lines 3
want_at_least 1000
host 10 config bob account
want_rc 1
want_logged plugin "$plugins/allow"

it "what stands on the line wins"
service config "auth required MODULE plugin=$plugins/rounds retries=1 \
config=$W/config min_time=0"
host 10 -a 1 -a 2 -a 0 config alice auth
want_rc 1
want_gave auth "Authentication failure"
want_after auth 0 300

it "a config that is missing, unclear or another's denies"
refused "$W/none: No such file" "config=$W/none"
printf 'AuthKbdInt.Plugn /x\n' >"$W/wrong"
refused "$W/wrong:1: " "config=$W/wrong"
printf 'AuthKbdInt.Retries many\nAuthKbdInt.Plugin /x\n' >"$W/wrong"
refused "$W/wrong:1: " "config=$W/wrong"
printf 'Port 22\n' >"$W/wrong"
refused "there is no plugin" "config=$W/wrong"
chmod 664 "$W/wrong"
refused "chmod g-w $W/wrong" "config=$W/wrong"

# --------------------------------------------------------------- hostile plugins

# denies NAME REASON [MOST] - the script from standard input lets nobody in.
denies () {
    plugin "$1"
    service "$1" "auth required MODULE plugin=$plugins/$1 timeout=1 $quick"
    host 10 -a a -a b -a c "$1" alice auth
    want_rc 1
    want_gave auth "Authentication failure"
    want_logged outcome error reason "*$2"
    want_log_lines 1
    want_after auth 300 "${3:-2500}"
    want_as_before
}

it "no plugin that breaks the rules lets anybody in"
denies crash "exit status 3 (its standard error is logged with debug)" <<'END'
params
exit 3
END
denies killed "killed by signal 9" <<'END'
params
kill -9 $$
END
denies crash_later "without a verdict" <<'END'
params
ask "req:Secret: "
exit 0
END
denies silent "within 1 s" <<'END'
params
sleep 60
END
denies deaf "closed its output" <<'END'
trap '' TERM
exec >&-
sleep 60
END
denies silent_later "within 1 s" <<'END'
params
ask "req:Secret: "
sleep 60
END
denies stubborn_one "within 1 s" 4000 <<'END'
trap '' TERM HUP
params
while :; do sleep 1; done
END
denies early "before it was answered" <<'END'
params
printf 'req:x\nend_of_requests\nsuccess\n'
replies
END
denies both "talking after" <<'END'
params
echo success
echo failure
END
denies both_later "talking after" <<'END'
params
echo success
sleep 0.3
echo failure
END
denies talks_after "talking after" <<'END'
params
echo success
echo "error_msg:never mind"
END
denies half "is missing" <<'END'
params
echo req:Secret:
echo success
END
denies long_line "longer than" <<'END'
params
head -c 1000000 /dev/zero | tr '\0' x
END
denies endless_prompts "limit" <<'END'
params
yes req:x
END
denies endless_rounds "limit" <<'END'
params
while :; do echo end_of_requests; replies; done
END
denies nul "NUL" <<'END'
params
printf 'req:a\0b\nend_of_requests\n'
read -r line
echo success
END
denies status "exit status 0" <<'END'
params
exit 0
END
denies nearly "without a verdict" <<'END'
params
echo " success"
echo successful
echo success:
echo SUCCESS!
END

it "neither does one that leaves a child with its pipes"
denies forks "without a verdict" <<'END'
params
(trap '' HUP TERM; sleep 60) &
exit 0
END

it "a plugin that is believed leaves nothing behind either"
plugin leaves <<'END'
params
echo success
(trap '' HUP TERM; exec sleep 60) &
END
service leaves "auth required MODULE plugin=$plugins/leaves $quick"
host 10 leaves alice auth
want_rc 0
want_within 8000
want_as_before

it "no plugin that breaks the rules authorizes anybody"
plugin talks_after_no <<'END'
params
echo failure
echo success
END
for name in crash killed silent both talks_after_no long_line nul status \
    nearly; do
    service broken "account required MODULE plugin=$plugins/$name timeout=1 $quick"
    host 10 broken alice account
    want_rc 1
    want_gave account "Permission denied"
    want_as_before
done

# --------------------------------------------------------------------- the module

it "the module exports what PAM calls, and nothing else"
nm -D --defined-only "$module" | sed 's/.* //' | sort >"$W/found"
printf '%s\n' pam_sm_acct_mgmt pam_sm_authenticate pam_sm_chauthtok \
    pam_sm_setcred >"$W/should"
want cmp "$W/should" "$W/found"

it "its manual page has the arguments that it takes"
sed -n 's/.*value_of(word, "\(.*\)").*/\1/p; s/.*strcmp(word, "\(.*\)").*/\1/p' \
    "$SRC/server/pam_args.c" | sort >"$W/found"
sed -n '/^\.Ss Arguments/,/^\.Ss auth/s/^\.It Cm \([a-z_]*\).*/\1/p' \
    "$SRC/man/pam_authplug.8" | sort >"$W/should"
want grep -q remember "$W/found"
want diff "$W/should" "$W/found"

finish
