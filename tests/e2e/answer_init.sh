#!/bin/sh
# authplug answer init: a first file, by asking at a terminal; and what it makes
# answers.
# shellcheck disable=SC2016 # dollars are the rules'
. "${0%/*}/lib.sh"
need_built authplug
need oathtool oathtool
authplug=$BUILD/authplug
file=$XDG_CONFIG_HOME/authplug/answers
# RFC 6238's; a code of it holds for an hour, so that none ends in a test
secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ
uri="otpauth://totp/Example:alice?secret=$secret&period=3600&issuer=Example"

# quoted WORD - for eval.
quoted () { printf %s "$1" | sed "s/'/'\\\\''/g"; }

# init [TEXT TYPED]... -- [WORD]... - types it, each with Return.
init () {
    rm -rf "$XDG_CONFIG_HOME" "$XDG_STATE_HOME"
    again "$@"
}
again () {
    typed=
    while [ "$1" != -- ]; do
        typed="$typed --on '$(quoted "$1")' 'type:$(quoted "$2")\\n'"
        shift 2
    done
    shift
    eval 'run 20 --pty '"$typed"' -- "$authplug" answer init "$@"'
    want_nothing_left
}

# code - of now, by the other device.
code () {
    oathtool --totp -b -s 3600 $secret
}

# want_line TEXT... - these are lines of the file, blanks before them aside.
want_line () {
    for line; do
        sed 's/^ *//' "$file" | grep -qxF -- "$line" ||
            wrong "not in the file: $line"
    done
}

# want_good - what was made is read again, and nobody else can read it.
want_good () {
    want_rc 0
    want [ "$(stat -c %a "$file")" = 600 ]
    want [ "$(stat -c %a "${file%/*}")" = 700 ]
    want [ "$(ls -A "${file%/*}")" = answers ]
    want "$authplug" answer --check
}

# want_no_file - nothing was made, not even in part.
want_no_file () {
    want_not [ "$rc" = 0 ]
    [ -z "$(find "$XDG_CONFIG_HOME" -type f 2>/dev/null)" ] ||
        wrong "a file was made"
}

it "all from the terminal: host, name, a command, a code"
init names login.example.org 'Your name' alice 'prompt (Return' '' \
    'each time' 'cat words' 'prompt (Return' '' '(not shown)' "$uri" 'too?' y --
want_good
want_screen "The code of now is $(code), for "
want_screen "$file is made."
want_no_screen "$secret"
want_line 'Host login.example.org' 'Username alice' 'Request "Password:"' \
    'Exec cat words' 'Response $exec$' 'Request "Verification code:"' \
    'Response $totp:code$' 'Totp code' "Secret \"$uri\""
want grep -q '^# ' "$file"

it "one prompt is not for a password and a code: another is asked for"
init names login.example.org 'Your name' '' 'prompt (Return' 'Enter:' \
    'each time' '' "code's prompt" 'Enter:' \
    "that is the password's prompt, and cannot have the code" 'Code:' \
    '(not shown)' "$uri" 'too?' y --
want_good
want_line 'Request "Enter:"' 'Request "Code:"'

it "nor where a blank at its end is all that tells them apart"
init names h 'Your name' '' 'prompt (Return' '' 'each time' '' \
    "code's prompt" 'Password: ' "that is the password's prompt" 'Code: ' \
    '(not shown)' "$uri" 'too?' y --
want_good
want_line 'Request "Password:"' 'Request "Code:"'

it "nor where a quote does, which a Request has as any byte"
echo "$uri" >"$W/uri"
init 'too?' '' names h 'Your name' '' 'prompt (Return' 'A"B:' 'each time' '' \
    "code's prompt" "A'B:" "that is the password's prompt" 'Code:' -- "$W/uri"
want_good
want_no_screen "or - where no prompt"

it "without any prompt there is nothing to answer: one is asked for"
init names h 'Your name' '' 'prompt (Return' - "code's prompt" - \
    'there is nothing to answer' '' '(not shown)' "$uri" 'too?' y --
want_good
want_line 'Request "Verification code:"'
want_no_screen 'code:"; -: there is none'

it "nor is a secret left out that was read"
init 'too?' '' names h 'Your name' '' 'prompt (Return' '' 'each time' '' \
    "code's prompt" - 'there is nothing to answer' '' -- "$W/uri"
want_good
want_line 'Request "Password:"' 'Request "Verification code:"'

it "all from the terminal again"
init names login.example.org 'Your name' alice 'prompt (Return' '' \
    'each time' 'cat words' 'prompt (Return' '' '(not shown)' "$uri" 'too?' y --
want_good

it "what was made answers"
echo sesame >"$W/home/words"
cd "$W/home" || exit 1
run 10 "$authplug" try putty --host login.example.org --prompt "Password: " \
    --round --prompt "Verification code: " -- "$authplug" answer
want_rc 0
want_out 'PLUGIN_INIT_RESPONSE user "alice"'
want_out 'answer "sesame"'
want_out "answer \"$(code)\""

it "the tutorial shows what is seen"
page () { sed -n "/^    \$ $1\$/,/^\$/s/^    //p" "$SRC/docs/answer.md" | sed 1d; }
same () { sed 's/ *$//; s/[0-9]\{6\},/CODE,/; s/[0-9]* more.*/N more/; s/^\/.* is/FILE is/'; }
init names login.example.org 'Your name' '' 'prompt (Return' '' \
    'each time' keyring 'prompt (Return' '' '(not shown)' "$uri" 'too?' '' --
want_good
page 'authplug answer init' | same >"$W/told"
same <"$W/screen" | sed '/is made/q' >"$W/seen"
want [ "$(wc -l <"$W/told")" = 10 ]
want diff "$W/told" "$W/seen"

it "a second time nothing is touched"
cp "$file" "$W/before"
again --
want_rc 1
want_screen "$file is there already"
want cmp "$file" "$W/before"
: >"$file"
again --
want_rc 1
want [ ! -s "$file" ]
rm "$file"
ln -s "$W/nowhere" "$file"
again --
want_rc 1
want_screen "is there already"
want_not [ -e "$W/nowhere" ]

it "nor if it comes to be meanwhile"
rm -rf "$XDG_CONFIG_HOME"
mkdir -p "${file%/*}"
run 20 --pty --on names 'type:h\n' --on 'Your name' 'type:\n' \
    --on 'prompt (Return' 'type:\n' --on 'each time' 'type:\n' \
    --after 1.5 'type:-\n' -- sh -c \
    "{ sleep 0.8; echo theirs >'$file'; } & '$authplug' answer init; wait"
want_screen "cannot be made: File exists"
want [ "$(cat "$file")" = theirs ]
want [ "$(ls -A "${file%/*}")" = answers ]

it "the URI from a file; it is looked at before anything is asked"
echo "$uri" >"$W/uri"
init 'too?' '' names h 'Your name' '' 'prompt (Return' - "code's prompt" '' -- \
    "$W/uri"
want_good
want_screen "$(code)"
want_line 'Host h' 'Request "Verification code:"' "Secret \"$uri\""
want_not grep -q 'Exec\|Username\|Password:"' "$file"
want_no_screen "Others may read"

it "a file of Windows, and blanks around the URI"
printf '  %s \r\n' "$uri" >"$W/uri"
init 'too?' '' names h 'Your name' '' 'prompt (Return' - "code's prompt" '' -- \
    "$W/uri"
want_good
want_line "Secret \"$uri\""

it "the same from standard input, by a word and without"
for word in - ''; do
    rm -rf "$XDG_CONFIG_HOME"
    run 20 --pty --on 'too?' 'type:\n' --on names 'type:h\n' \
        --on 'Your name' 'type:\n' --on 'prompt (Return' 'type:-\n' \
        --on "code's prompt" 'type:OTP:\n' -- sh -c \
        "echo '$uri' | '$authplug' answer init $word"
    want_good
    want_line 'Request "OTP:"' "Secret \"$uri\""
done

it "the mark of UTF-8 before it, and a hash by another name"
printf '\357\273\277otpauth://totp/x?secret=%s&period=3600&algorithm=SHA-512\r\n' \
    $secret >"$W/uri"
init 'too?' '' names h 'Your name' '' 'prompt (Return' - "code's prompt" '' -- \
    "$W/uri"
want_good
want_screen "The code of now is $(oathtool --totp=sha512 -b -s 3600 $secret), "
want_line "Secret \"otpauth://totp/x?secret=$secret&period=3600&algorithm=SHA-512\""

it "a code that soon ends is shown with the next"
t=$(date +%s)
init names h 'Your name' '' 'prompt (Return' - "code's prompt" '' \
    '(not shown)' "otpauth://totp/x?secret=$secret&period=1" 'too?' y --
want_good
seen=$(sed -n 's/^The code of now is \(.*\), for 1 more second; then it is \(.*\)\.$/\1 \2/p' \
    "$W/screen")
case " $(oathtool --totp -b -s 1 -N "@$t" -w 20 $secret | tr '\n' ' ')" in
*" ${seen:-none} "*) ;;
*) wrong "no two codes that follow one another" ;;
esac

it "a file that others can read is to be removed"
echo "$uri" >"$W/uri"
chmod 644 "$W/uri"
init 'too?' '' names h 'Your name' '' 'prompt (Return' - "code's prompt" '' -- \
    "$W/uri"
want_good
want_screen "Others may read $W/uri: remove it"

it "codes by a counter, which begins where the URI says"
echo "  otpauth://hotp/x?secret=$secret&counter=7" >"$W/uri"
init 'shows?' '' names h 'Your name' '' 'prompt (Return' - "code's prompt" '' \
    -- "$W/uri"
want_good
want_screen "Code number 7 is 162583."
want_line 'Response $hotp:code$' 'Hotp code'
run 10 "$authplug" try putty --host h --prompt "Verification code:" -- \
    "$authplug" answer
want_out 'answer "162583"'

it "eight digits, another hash, a bare secret"
echo "otpauth://totp/x?secret=$secret&digits=8&algorithm=SHA512&period=3600" \
    >"$W/uri"
init 'too?' n -- "$W/uri"
want_screen "$(oathtool --totp=sha512 -b -d 8 -s 3600 $secret)"
init names h 'Your name' '' 'prompt (Return' - "code's prompt" '' \
    '(not shown)' 'gezd gnbv gy3t qojq' 'too?' '' --
want_good
want_line 'Secret "gezd gnbv gy3t qojq"'

it "another code on the other device: no file, and the time of the answer"
rm -rf "$XDG_CONFIG_HOME"
from=$(($(date +%s) + 2))
echo "$uri" >"$W/uri"
run 20 --pty --after 2.5 'type:n\n' -- "$authplug" answer init "$W/uri"
end=$(date +%s) told=none
want_rc 1
want_no_file
while [ "$from" -le "$end" ]; do
    told="$told|$(date -u -d "@$from" +%T)"
    from=$((from + 1))
done
grep -Eq "a clock is wrong \\(here it is ($told) UTC\\): no file" "$W/screen" ||
    wrong "none of these times: $told"

it "what is no answer is asked again, and why is said"
init names '' such alice@h such h.example 'Your name' '' \
    'prompt (Return' '(alice@h) Password:' "ssh's own" '' \
    'each time' 'sesame7' 'no such program' 'cat a | head' 'without a shell' \
    'cat $b' 'cannot stand in the file: Exec: byte' '' "code's prompt" '' \
    '(not shown)' '0189' 'neither base32' 'otpauth://totp/x?digits=6' \
    'has no secret' "$uri" 'too?' '' --
want_good
want_line 'Host h.example' 'Response $ask$' "Secret \"$uri\""

it "the keyring, and what stores the password there"
init names h.example 'Your name' '' 'prompt (Return' '' 'each time' keyring \
    "code's prompt" - --
want_good
want_line 'Response $keyring:h.example$'
want_screen "secret-tool store --label=SSH authplug h.example"

it "what is printed to be copied has what was entered, for a shell"
rm -rf "$W/a b"
again names h.example 'Your name' alice 'prompt (Return' "Alice's PIN:" \
    'each time' '' "code's prompt" - -- --config "$W/a b/it's"
want_rc 0
told=$(sed -n 's/^    authplug answer/"$authplug" answer/p' "$W/screen")
echo "$told" | grep -qF -- "--explain --host h.example --prompt 'Alice'" ||
    wrong "not what was entered: $told"
run 10 env authplug="$authplug" sh -c "$told"
want_rc 0
want_out "$W/a b/it's, for h.example port 22"
again names '*.example' 'Your name' alice 'prompt (Return' - "code's prompt" \
    'PIN:' '(not shown)' "$uri" 'too?' '' -- --config "$W/a b/other"
want_screen "--explain --host HOST --prompt 'PIN:'"
want_screen "    authplug ssh --plugin 'exec authplug answer --config '\\''$W/a b/other'\\''' alice@HOST"
want_screen "plugin command is: authplug answer --config '$W/a b/other'"

it "a prompt of special characters is matched, and no other"
init names h 'Your name' '' 'prompt (Return' 'PIN "x" (1$|2)* [a].^{3}\\:' \
    'each time' 'echo sesame' "code's prompt" - --
want_good
run 10 "$authplug" answer --explain --host h \
    --prompt 'PIN "x" (1$|2)* [a].^{3}\: '
want_rc 0
run 10 "$authplug" answer --explain --host h --prompt 'PIN "x" (1 [a].^{3}\: '
want_rc 1

it "a URI of special characters keeps its meaning"
init names h 'Your name' '' 'prompt (Return' - "code's prompt" '' \
    '(not shown)' 'otpauth://totp/a$b"c\\\\d?period=3600&secret='$secret \
    'too?' '' --
want_good
run 10 "$authplug" try putty --host h --prompt "Verification code:" -- \
    "$authplug" answer
want_out "answer \"$(code)\""

it "another place, and no other name there"
run 20 --pty --on names 'type:h\n' --on 'Your name' 'type:\n' \
    --on 'prompt (Return' 'type:\n' --on 'each time' 'type:\n' \
    --on "code's prompt" 'type:-\n' -- \
    "$authplug" answer init --config "$W/deep/er/rules"
want_rc 0
want_screen "authplug answer --config $W/deep/er/rules"
want [ "$(stat -c %a "$W/deep/er/rules")" = 600 ]
run 20 --pty -- "$authplug" answer init --config ''
want_rc 1

quotes=$(head -c 2800 /dev/zero | tr '\0' '"')
echo "otpauth://totp/$quotes?secret=$secret" >"$W/quotes"
for case in "nothing|: >'$W/uri'|it is empty" \
    "no URI|echo hello, world >'$W/uri'|neither base32" \
    "a NUL in it|printf '%s\\0x' '$uri' >'$W/uri'|control character" \
    "what zbarimg prints|echo 'QR-Code:$uri' >'$W/uri'|zbarimg had no --raw" \
    "an export|echo otpauth-migration://offline?data=CjEK >'$W/uri'|an export of all" \
    "a page's source|echo 'otpauth://totp/x?secret=$secret&amp;digits=8' >'$W/uri'|write '&' in its place" \
    "more quotes than a line has room for|cp '$W/quotes' '$W/uri'|the line is too long" \
    "a folder|rm '$W/uri'; mkdir '$W/uri'|$W/uri: this is a folder" \
    "no file|rmdir '$W/uri'|No such file" \
    "too much|head -c 9999 /dev/zero >'$W/uri'|URI was expected"
do
    name=${case%%|*} case=${case#*|}
    it "instead of a URI there is $name: said at once"
    eval "${case%%|*}"
    init -- "$W/uri"
    want_no_file
    want_screen "${case##*|}"
    want_within 3000
done

it "a pipe is waited for"
rm "$W/uri"
mkfifo "$W/uri"
{ sleep 0.5; echo "$uri"; } >"$W/uri" &
init 'too?' '' names h 'Your name' '' 'prompt (Return' - "code's prompt" '' -- \
    "$W/uri"
want_good

it "who gives up leaves nothing"
for end in '\x03' '\x04'; do
    rm -rf "$XDG_CONFIG_HOME"
    run 20 --pty --on names 'type:h\n' --on 'Your name' "type:$end" -- \
        "$authplug" answer init
    want_no_file
    want_nothing_left
done

it "a folder that cannot be made"
rm -rf "$XDG_CONFIG_HOME"
: >"$XDG_CONFIG_HOME"
run 20 --pty --on names 'type:h\n' --on 'Your name' 'type:\n' \
    --on 'prompt (Return' 'type:\n' --on 'each time' 'type:\n' \
    --on "code's prompt" 'type:-\n' -- "$authplug" answer init
want_rc 1
want_screen "$file cannot be made: "
rm "$XDG_CONFIG_HOME"

it "misuse, and no terminal"
run 10 "$authplug" answer init a b
want_rc 2
want_err "one too many: b"
run 10 "$authplug" answer init --batch
want_rc 2
run 10 "$authplug" answer init
want_rc 1
want_err_like '^authplug answer init: standard input: it is empty'
echo "$uri" >"$W/good"
run 10 "$authplug" answer init "$W/good"
want_rc 1
want_err "no terminal"
want_no_file

finish
