#!/bin/sh
# The client's configuration: which plugin a host has, which may be started, and
# what authplug config tells of it.
. "${0%/*}/lib.sh"
need ssh openssh-client
need_built examples/hello
. "$E2E/sshd.sh"
login_program

# /etc is a copy that only this script sees; without one the user's file is
# tested alone.
no_etc="root in a mount namespace of its own, for a private /etc"
if [ "$(id -u)" = 0 ] &&
    [ "$(readlink /proc/self/ns/mnt)" != "$(readlink /proc/1/ns/mnt)" ]; then
    cp -a /etc "$W/etc"
    mount --bind "$W/etc" /etc
    rm -rf /etc/authplug
    mkdir -m 755 /etc/authplug
    no_etc=
elif [ -e /etc/authplug/config ]; then
    skip_all "$no_etc"
fi

client_config
sshd_start pam
port=$(sshd_port pam)
authplug=$BUILD/authplug
etc=/etc/authplug/config
mine=$XDG_CONFIG_HOME/authplug/config
mkdir -p "${mine%/*}"

# user LINE... and system LINE... - the files' lines; without, there is none.
user () {
    rm -rf "$mine"
    [ $# = 0 ] || printf '%s\n' "$@" >"$mine"
}
system () {
    if [ -n "$no_etc" ]; then
        [ $# = 0 ] || lacking "$no_etc"
        return
    fi
    rm -rf "$etc"
    [ $# = 0 ] || printf '%s\n' "$@" >"$etc"
}

# A plugin that notes that it was started, by whom, and with which arguments.
cat >"$W/noting" <<END
#!/bin/sh
{
    tr '\0' '\n' </proc/\$PPID/cmdline | head -n 1
    for word; do echo "\$word"; done
} >"$W/noted"
exec '$hello' '$password'
END
chmod +x "$W/noting"
noting=$W/noting
answer="exec '$hello' '$password'"

want_started () { [ -e "$W/noted" ] || wrong "the plugin was not started"; }
want_not_started () { [ ! -e "$W/noted" ] || wrong "the plugin was started"; }

# try [OPTION]... - a login.
try () {
    rm -f "$W/noted"
    run 20 "$login" "$@" pam 'echo in'
}
want_in () {
    want_rc 0
    want_out_is in
    want_quiet
    want_nothing_left
}

# tell WORD... - authplug config.
tell () {
    run 20 "$authplug" config -F "$W/ssh_config" "$@"
}

# want_row KEYWORD PLACE VALUE - it is told.
want_row () {
    tr -s ' ' <"$W/out" | grep -qxF -- "$1 $2 $3" ||
        wrong "no row: $1 $2 $3"
}

# want_complaint TEXT - authplug ssh and authplug config end with it alike, and
# nobody was connected to.
want_complaint () {
    connections=$(grep -c '^Connection from' "$W/pam/log")
    try
    want_rc 255
    [ "$(sed 's/^authplug ssh: //' "$W/err")" = "$1" ] ||
        wrong "authplug ssh should say: $1"
    want_one_line
    want_not_started
    want_nothing_left
    [ "$(grep -c '^Connection from' "$W/pam/log")" = "$connections" ] ||
        wrong "the server was connected to"
    tell pam
    want_rc 1
    [ "$(sed 's/^authplug config: //' "$W/err")" = "$1" ] ||
        wrong "authplug config says something else"
}

# ---------------------------------------------------------------- who says what

it "a Host block names the plugin, by the name that was typed"
user "Host other" "Plugin exec false" "Host pam" "Plugin $answer"
try
want_in

it "or by the name that ssh makes of it, and the port"
user "Host pam !127.0.0.1" "Plugin exec false" "Host 127.0.0.1:$port" \
    "Plugin $answer"
try
want_in

it "a block of another host, port or user is not about this one"
user "Host other 127.0.0.1:1" "Plugin $noting" "Host *" "User not$me" \
    "Plugin $noting" "Host *" "User $me" "Plugin $answer"
try
want_in
want_not_started

it "AUTHPLUG_PLUGIN counts more than the files, --plugin more than that"
user "Host *" "Plugin exec false"
run 20 env AUTHPLUG_PLUGIN="$answer" "$login" pam 'echo in'
want_in
run 20 env AUTHPLUG_PLUGIN='exec false' "$login" --plugin "$answer" pam \
    'echo in'
want_in

it "one that is empty is no plugin, and so is none in a block"
user "Host *" "Plugin $noting"
rm -f "$W/noted"
run 20 env AUTHPLUG_PLUGIN= "$login" pam true
want_failure "there is no terminal to ask at"
try --plugin ''
want_failure "there is no terminal to ask at"
user "Host pam" "Plugin none" "Host *" "Plugin $noting"
try
want_failure "there is no terminal to ask at"
want_not_started

it "Timeout ends the login, and --timeout counts more"
user "Host *" "Plugin exec sleep 60" "Timeout 1"
try
want_failure "did not send .* in time"
want_at_least 900
want_within 8000
user "Host *" "Plugin exec sleep 60" "Timeout 60"
try --timeout 1
want_failure "did not send .* in time"
want_within 8000

it "with Batch nobody is asked"
user "Host *" "Batch yes"
run 20 --pty -- "$login" pam true
want_rc 255
want_no_screen assword
user "Host *" "Batch yes" "Plugin $answer"
try
want_in

it "what is in /etc counts after what is the user's"
user "Host pam" "Timeout 100"
system "Host *" "Timeout 1" "Plugin $answer"
try
want_in
tell pam
want_row Timeout "$mine:2" 100
want_row Plugin "$etc:3" "$answer"
user "Host pam" "Plugin exec false" "Timeout 100"
try
want_rc 255
user
try
want_in

it "the user's file is where XDG_CONFIG_HOME says, or in the home"
system
user "Host *" "Timeout 7"
mkdir -p "$HOME/.config" "$W/other/authplug"
printf 'Host *\nTimeout 8\n' >"$W/other/authplug/config"
tell pam
want_row Timeout "$mine:2" 7
run 20 env -u XDG_CONFIG_HOME "$authplug" config pam
want_row Timeout "$HOME/.config/authplug/config:2" 7
run 20 env XDG_CONFIG_HOME="$W/other" "$authplug" config pam
want_row Timeout "$W/other/authplug/config:2" 8
run 20 env XDG_CONFIG_HOME=other "$authplug" config pam
want_row Timeout "$HOME/.config/authplug/config:2" 7

it "without HOME it is that of the accounts, as for ssh"
if [ "${TESTS_HOME:-}" = empty ]; then
    home=$(getent passwd "$me" | cut -d: -f6)
    mkdir -p "$home/.config/authplug"
    printf '%s\n' "AllowPlugins none" >"$home/.config/authplug/config"
    for where in "-u HOME" HOME=relative; do
        # shellcheck disable=SC2086
        run 20 env -u XDG_CONFIG_HOME $where "$authplug" config pam
        want_row AllowPlugins "$home/.config/authplug/config:1" none
        # shellcheck disable=SC2086
        run 20 env -u XDG_CONFIG_HOME $where "$login" --plugin "$noting" pam true
        want_rc 255
        want_err "$home/.config/authplug/config:1 allows no plugin"
    done
    rm -r "$home/.config"
else
    lacking "root in a mount namespace of its own, for an empty home"
fi

# ---------------------------------------------------------------- which are read

it "a file that others may write to is refused, with what helps"
system
for mode in 620 602 666; do
    user "Host *" "Plugin $noting"
    chmod "$mode" "$mine"
    want_complaint "$mine: others may change it: chmod go-w $mine"
done
want chmod go-w "$mine"
try
want_in
want_started

it "others may read it"
user "Host *" "Plugin $answer"
chmod 644 "$mine"
try
want_in

it "a file of somebody else is refused"
user "Host *" "Plugin $noting"
if [ "$(id -u)" = 0 ]; then
    chown 65534 "$mine"
    want_complaint "$mine: it belongs to user 65534: root, or user 0, was\
 expected to own it: see chown(1)"
else
    lacking "root, to give a file away"
fi

it "a symbolic link is judged by its file, and has to lead to one"
user
printf '%s\n' "Host *" "Plugin $answer" >"$W/linked"
ln -s "$W/linked" "$mine"
try
want_in
chmod g+w "$W/linked"
want_complaint "$mine: others may change it: chmod go-w $mine"
rm "$W/linked"
want_complaint "$mine: No such file or directory"

it "what is no file is not waited for"
user
mkfifo "$mine"
want_complaint "$mine: not a file: a regular file was expected"

it "a directory from which others may take it away is refused"
for folder in "${mine%/*}" "$XDG_CONFIG_HOME"; do
    user "Host *" "Plugin $noting"
    for mode in 720 702 777; do
        chmod "$mode" "$folder"
        want_complaint "$folder: others may change what is in it: chmod go-w\
 $folder"
    done
    user # it may have been taken away
    want_complaint "$folder: others may change what is in it: chmod go-w $folder"
    for mode in 1777 755; do
        chmod "$mode" "$folder"
        tell pam
        want_rc 0
    done
done
user
mkdir -m 777 "$W/away"
printf '%s\n' "Host *" "Plugin $answer" >"$W/away/linked"
ln -s "$W/away/linked" "$mine"
want_complaint "$W/away: others may change what is in it: chmod go-w $W/away"

it "so is one of somebody else"
if [ "$(id -u)" = 0 ]; then
    user
    chown 65534 "${mine%/*}"
    want_complaint "${mine%/*}: it belongs to user 65534: root, or user 0, was\
 expected to own it: see chown(1)"
    chown 0 "${mine%/*}"
else
    lacking "root, to give a directory away"
fi

it "who has no such directory is not troubled by the one above"
mv "${mine%/*}" "$W/kept"
chmod 777 "$XDG_CONFIG_HOME"
tell pam
want_rc 0
chmod 700 "$XDG_CONFIG_HOME"
mv "$W/kept" "${mine%/*}"

it "the file in /etc is held to the same"
user
system "Host *" "Plugin $noting"
[ -n "$no_etc" ] || {
    chmod g+w "$etc"
    want_complaint "$etc: others may change it: chmod go-w $etc"
    rm "$etc"
    ln -s "$W/nowhere" "$etc"
    want_complaint "$etc: No such file or directory"
}

it "a line that is not understood ends the login, wherever it stands"
system
user "Host elsewhere" "Plugin $noting" "Retries 5"
want_complaint "$mine:3: Retries: unknown: Host, User, Plugin, Timeout, Batch\
 or AllowPlugins was expected"
user "Host pam" "Timeout 0"
want_complaint "$mine:2: Timeout: a number from 1 to 86400 was expected"
try --plugin "$answer"
want_rc 255
user "Host pam" "Batch yes" "Batch no"
want_complaint "$mine:3: Batch: it was given before: one was expected"

it "what is told of such a line is harmless"
user "Host pam" "$(printf 'Re\033[2Jtries 5')"
try
want_rc 255
want_harmless
user "Host pam" "Plugin $(printf 'a\033[2Jb\342\200\256')"
tell pam
want_rc 0
want_out 'a\x1b[2Jb\u202e'
want_harmless

it "what ssh answers without a login does not need the files"
user "nonsense"
run 20 "$login" -G pam
want_rc 0
want_out "port $port"

# --------------------------------------------------------- what may be started

not_in () {
    echo "the plugin $1 is not in the list of $2: use one that is, or ask who\
 wrote that"
}

it "without a list a shell has the command line"
system
user "Host *" "Plugin PATH=/nowhere:\$PATH '$noting' \$((1 + 1)); exit"
try
want_in
want grep -qx 2 "$W/noted"
want grep -qx /bin/sh "$W/noted"

it "with one its programs are started without a shell, word by word"
user "Host *" "Plugin exec $noting a 'b  \$c;' \"d\""
system "AllowPlugins $W/x" "AllowPlugins $noting"
try
want_in
want_started
printf '%s\n' a 'b  $c;' d >"$W/words"
want_same_words () {
    sed 1d "$W/noted" | cmp -s - "$W/words" ||
        wrong "it was started with: $(tr '\n' ' ' <"$W/noted")"
    ! grep -q '^/bin/sh$' "$W/noted" || wrong "a shell started it"
}
want_same_words
try --plugin "$noting a 'b  \$c;' d"
want_in
want_same_words

it "another one is refused, whoever names it"
user "Host *" "Plugin $noting"
system "" "AllowPlugins $W/x $W/y"
want_complaint "$(not_in "$noting" "$etc:2")"
user
try --plugin "$noting"
want_failure "$(not_in "$noting" "$etc:2")"
rm -f "$W/noted"
run 20 env AUTHPLUG_PLUGIN="exec $noting" "$login" pam true
want_failure "$(not_in "$noting" "$etc:2")"
want_not_started
run 20 env AUTHPLUG_PLUGIN="exec $noting" "$authplug" config pam
want_rc 1
want_err "$(not_in "$noting" "$etc:2")"
want_row Plugin AUTHPLUG_PLUGIN "exec $noting"
want_row AllowPlugins "$etc:2" "$W/y"

it "a login without a plugin is not concerned"
system "AllowPlugins none"
user
try
want_failure "there is no terminal to ask at"

it "none allows none"
system "AllowPlugins none"
user "Host *" "Plugin $noting"
want_complaint "$etc:1 allows no plugin: log in without one, or ask who wrote\
 that"

it "the user's own list narrows it and does not widen it"
user "AllowPlugins $W/x" "Host *" "Plugin $noting"
system "AllowPlugins $noting"
want_complaint "$(not_in "$noting" "$mine:1")"
user "AllowPlugins $noting" "Host *" "Plugin $noting"
system "AllowPlugins $W/x"
want_complaint "$(not_in "$noting" "$etc:1")"
system "AllowPlugins $W/x $noting"
try
want_in
want_started

it "the user's own list counts alone, too"
system
user "AllowPlugins $W/x" "Host *" "Plugin $noting"
want_complaint "$(not_in "$noting" "$mine:1")"
user "AllowPlugins $noting" "Host *" "Plugin $noting"
try
want_in

it "another name of a file in the list is not in it; a link in it is followed"
system "AllowPlugins $noting"
user
ln -sf "$noting" "$W/another"
for name in "$W/another" "$W/./noting" "/$noting" "$W/tmp/../noting"; do
    try --plugin "$name"
    want_failure "$(not_in "$name" "$etc:1")"
done
want_not_started
try --plugin noting
want_failure "the plugin 'noting' is no absolute path, which $etc:1 asks for"
system "AllowPlugins $W/another"
try --plugin "$W/another"
want_in
want_started

it "nothing is smuggled past the list by what a shell would make of it"
system "AllowPlugins $noting"
for tail in "; touch $W/smuggled" "| touch $W/smuggled" \
    "\$(touch $W/smuggled)" "\`touch $W/smuggled\`" "& touch $W/smuggled" \
    "\"\$(touch $W/smuggled)\"" "
touch $W/smuggled"; do
    try --plugin "$noting $tail"
    want_failure "a shell would act on this, and none is used"
    want_not_started
done
for line in "PATH=/tmp $noting" "env $noting" "sh -c $noting" "exec -a x $noting"
do
    try --plugin "$line"
    want_failure "is no absolute path"
    want_not_started
done
[ ! -e "$W/smuggled" ] || wrong "a command of the line was run"

it "a program of the list that is not there is told of"
system "AllowPlugins $W/gone"
try --plugin "$W/gone"
want_failure "No such file or directory: check the plugin's command line"

it "authplug connect goes by all this, too"
user "Host *" "Plugin $noting"
system "AllowPlugins none"
rm -f "$W/noted"
run 20 "$authplug" connect -F "$W/ssh_config" -S "$W/run/c" pam
want_rc 255
want_err "authplug connect: $etc:1 allows no plugin"
want_not_started
system "AllowPlugins $noting"
run 20 --keep -- "$authplug" connect -F "$W/ssh_config" -S "$W/run/c" pam
want_rc 0
want_out_is "$W/run/c"
want_started
run 20 ssh -F "$W/ssh_config" -S "$W/run/c" pam 'echo in'
want_out_is in
kill "$(ssh -F "$W/ssh_config" -S "$W/run/c" -O check pam 2>&1 |
    sed -n 's/.*pid=\([0-9]*\).*/\1/p')"

# -------------------------------------------------------------- authplug config

it "it tells what applies, who says so, and nothing else"
user "AllowPlugins none" "Host pam" "Timeout 9"
system
tell pam
want_rc 0
want_quiet
want_row host "the command line" pam
want_row "host name" "ssh -G" 127.0.0.1
want_row port "ssh -G" "$port"
want_row user "ssh -G" "$me"
want_row Plugin "nobody says" none
want_row Timeout "$mine:3" 9
want_row Batch "the default" no
want_row AllowPlugins "$mine:1" none
want [ "$(wc -l <"$W/out")" = 8 ]

it "its columns are straight"
tell pam
awk '{ print match($0, / [^ ]*$/) }' "$W/out" | sort -u >"$W/columns"
[ "$(wc -l <"$W/columns")" = 1 ] ||
    wrong "the values begin in columns $(tr '\n' ' ' <"$W/columns")"

it "-l, -p and user@ are ssh's"
user "Host other:99" "User eve" "Plugin x y"
tell -p 99 eve@other
want_row Plugin "$mine:3" "x y"
tell -p 99 -l eve other
want_row Plugin "$mine:3" "x y"
want_row AllowPlugins "the default" "any command, by /bin/sh"
tell -p 99 -l bob other
want_row Plugin "nobody says" none

it "it tells of the environment and of ssh's BatchMode"
user "Host *" "Plugin x" "Batch no"
cp "$W/ssh_config" "$W/batch_config"
echo "BatchMode yes" >>"$W/batch_config"
run 20 env AUTHPLUG_PLUGIN= "$authplug" config -F "$W/batch_config" pam
want_row Plugin AUTHPLUG_PLUGIN none
want_row Batch "ssh -G, BatchMode" yes

it "for its answer nothing is connected by ssh's configuration"
user
system
{
    cat "$W/ssh_config"
    echo "Match originalhost pam exec \"test \$AUTHPLUG_RESOLVING\""
    echo "    User resolved"
} >"$W/match_config"
run 20 "$authplug" config -F "$W/match_config" pam
want_row user "ssh -G" resolved

it "misuse is 2, what is broken 111"
for words in "" "-z pam" "pam other" "-p"; do
    # shellcheck disable=SC2086
    tell $words
    want_rc 2
    want_err_like "^authplug config: .*: see 'authplug config --help'"
done
for wrong in "--json x" "-oUser=x pam" "-J gate pam" "-Q pam" "--help=x" "-h"; do
    # shellcheck disable=SC2086
    tell $wrong
    want_rc 2
    case $wrong in -o*) wrong=-o ;; esac
    want_err "authplug config: unknown option ${wrong%% *}: see"
done
tell pam -l
want_err "authplug config: a value is missing after -l: see"
tell -p nonsense pam
want_rc 111
want_err "ssh -G refused the options"
run 20 env PATH="$W" "$authplug" config pam
want_rc 111
want_err "OpenSSH's ssh was not found: install openssh-client"
for where in /dev/full '&-'; do
    for words in pam --help --version; do
        run 20 sh -c "'$authplug' config $words >$where"
        want_rc 111
        want_err "it cannot be written to standard output"
    done
done

finish
