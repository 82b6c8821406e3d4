#!/bin/sh
# The recipes of docs/answer.md: the text itself is run, with the real programs
# where they work without hardware and without somebody's service; the others
# are played by a program that takes the very command line and no other.
# shellcheck disable=SC2016 # dollars are the rules'
. "${0%/*}/lib.sh"
need_built authplug
need oathtool oathtool
authplug=$BUILD/authplug
page=$SRC/docs/answer.md
host=login.example.org
secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ
unset PASSWORD_STORE_DIR GPG_TTY GPG_AGENT_INFO
QT_QPA_PLATFORM=offscreen       # nothing of KeePassXC's has a window here
export QT_QPA_PLATFORM
GNUPGHOME=$W/gnupg              # its agent has sockets there
export GNUPGHOME
mkdir "$W/bin" "$W/gnupg"
PATH=$W/bin:$PATH

# block TITLE KIND [N] - the Nth block of this kind below the title.
block () {
    awk -v title="$1" -v kind="$2" -v n="${3:-1}" '
        /^#/ { here = $0 ~ "^#+ " title "$" }
        here && $0 == "```" kind { inside = ++seen == n; next }
        /^```$/ { inside = 0 }
        here && inside' "$page" >"$W/block"
    [ -s "$W/block" ] || wrong "the page has no such block: $1, $2 ${3:-1}"
    cat "$W/block"
}

# rules TITLE [N] - the file is the page's.
rules () {
    rm -rf "$XDG_STATE_HOME" # a code of another recipe may be this one's
    block "$1" text "${2:-1}" >"$W/text"
    { grep -q '^Host' "$W/text" || echo "Host $host"; cat "$W/text"; } \
        >"$W/answers"
    run 10 "$authplug" answer --config "$W/answers" --check
    want_rc 0
}

# typed TITLE N TEXT - runs the page's commands, to whom this is typed.
typed () {
    block "$1" sh "$2" >"$W/commands"
    printf '%b' "$3" >"$W/typed"
    want sh -e "$W/commands" <"$W/typed"
}

client () {
    run 20 "$authplug" try putty --host $host "$@" -- \
        "$authplug" answer --batch --config "$W/answers"
}

want_answer () {
    want_rc 0
    for answer; do want_out "    answer \"$answer\""; done
    [ "$(grep -c '^    answer' "$W/out")" = $# ] || wrong "not $# answers"
    want_nothing_left
}

# totp - now, by somebody else; the window does not end meanwhile.
totp () {
    "$PY" -c 'import time; t = time.time() % 30
if t > 24: time.sleep(30.1 - t)'
    oathtool --totp -b $secret
}

# stand_in NAME OUTPUT WORD... - a program that knows one command line.
stand_in () {
    name=$1 output=$2
    shift 2
    {
        echo '#!/bin/sh'
        echo "[ \$# = $# ] || exit 64"
        n=0
        for word; do
            n=$((n + 1))
            echo "[ \"\$$n\" = '$word' ] || exit 64"
        done
        echo "echo '$output'"
    } >"$W/bin/$name"
    chmod 755 "$W/bin/$name"
}

# lacks PROGRAM PACKAGE - and the test says so.
lacks () {
    command -v "$1" >/dev/null 2>&1 || lacking "$1 (Debian: $2)"
    [ -n "$skipped" ]
}

# ------------------------------------------------------------------ the basics

it "the first file of the page is sound, and knows both prompts"
rules '3. A first file'
for prompt in "Password: " "Verification code: "; do
    run 10 "$authplug" answer --config "$W/answers" --explain --host $host \
        --prompt "$prompt"
    want_rc 0
done
want_out "would send: <totp example>"

it "what it says of them is what the page shows"
run 10 "$authplug" answer --config "$W/answers" --explain --host $host \
    --prompt 'Password: '
sed -n '/^    \$ authplug answer --explain/,/^$/s/^    //p' "$page" |
    sed '1d; s/^\/[^,]*,/FILE,/' >"$W/told"
sed 's/^\/[^,]*,/FILE,/' "$W/out" >"$W/seen"
want [ "$(wc -l <"$W/told")" = 5 ]
want diff "$W/told" "$W/seen"

it "and in the README it is the same"
sed -n '/^    Host login/,/^$/s/^    //p' "$SRC/README.md" >"$W/readme"
block '3. A first file' text >"$W/first"
want cmp "$W/readme" "$W/first"

it "a menu: the option that the rule names"
rules 'Menus, and a push to the telephone'
menu='Duo two-factor login for alice\n\n 1. Duo Push to XXX-XXX-9999\n'
menu="$menu 2. Duo Push to XXX-XXX-1234\\n 3. Phone call to XXX-XXX-1234\\n"
client --prompt "$menu\\nPasscode or option (1-3): "
want_rc 0
want_out 'answer "2"'

# --------------------------------------------------------- the real programs

it "the desktop's keyring"
daemon=$SRC/build/packages/gnome-keyring/usr/bin/gnome-keyring-daemon
[ -x "$daemon" ] || daemon=$(command -v gnome-keyring-daemon)
if ! lacks secret-tool libsecret-tools &&
    ! lacks dbus-run-session dbus-daemon &&
    ! lacks "${daemon:-gnome-keyring-daemon}" gnome-keyring; then
    [ -x "$BUILD/authplug-keyring" ] || lacking "authplug-keyring is not built"
    rules "The desktop's keyring"
    block "The desktop's keyring" sh >"$W/commands"
    cat >"$W/session" <<END
printf x | "$daemon" --foreground --unlock --components=secrets \
    --control-directory="$W/srv/control" >"$W/srv/keyring" 2>&1 &
n=0
until printf sesame | sh -e "$W/commands" 2>/dev/null; do
    n=\$((n + 1))
    [ \$n -lt 100 ] || break
    sleep 0.05
done
"$authplug" try putty --host $host --prompt 'Password: ' -- \
    "$authplug" answer --batch --config "$W/answers"
rc=\$?
kill \$!
wait
exit \$rc
END
    XDG_DATA_HOME=$W/home/.local/share run 20 dbus-run-session -- \
        sh "$W/session"
    want_rc 0
    want_out '    answer "sesame"'
fi

it "pass, for a password"
if ! lacks pass pass && ! lacks gpg gnupg; then
    want gpg --batch --quiet --passphrase '' --quick-generate-key tests@example
    want pass init tests@example
    typed pass 1 'sesame\nsesame\n'
    rules pass
    client --prompt "Password: "
    want_answer sesame
fi

it "pass, for the secret of codes"
if ! lacks pass pass && ! lacks gpg gnupg; then
    uri="otpauth://totp/x?secret=$secret"
    typed pass 2 "$uri\\n$uri\\n"
    rules pass 2
    code=$(totp)
    client --prompt "Verification code: "
    want_answer "$code"
fi

it "pass that lacks it: its own words are shown"
if ! lacks pass pass && ! lacks gpg gnupg; then
    rules pass
    pass rm -f ssh/$host >/dev/null
    client --prompt "Password: "
    want_not [ "$rc" = 0 ]
    want_out "pass ended with exit status 1: Error: ssh/$host is not in the pas"
fi

it "KeePassXC, its database opened by a key file"
if ! lacks keepassxc-cli keepassxc; then
    typed KeePassXC 1 'sesame\nsesame\n'
    rules KeePassXC
    client --prompt "Password: "
    want_answer sesame
fi

it "stoken, a token in software whose PIN is kept"
if ! lacks stoken stoken; then
    (cd "$HOME" && stoken export --random >token.txt)
    cd "$HOME" || exit 1
    # no password for the file, and a PIN
    typed "An RSA SecurID token in software" 1 '\n\n1234\n1234\n'
    rules "An RSA SecurID token in software"
    "$PY" -c 'import time; t = time.time() % 60
if t > 54: time.sleep(60.1 - t)'
    code=$(stoken tokencode --batch)
    client --prompt "Enter PASSCODE:"
    want [ "${#code}" -ge 6 ]
    want_answer "$code"
    client --prompt "PASSCODE: "
    want_answer "$code"
    cd / || exit 1
fi

it "a token in hardware: the PIN is known, the number asked"
stand_in pass 1234 show ssh/securid-pin
rules "An RSA SecurID token in software" 2
run 20 --pty --on 'Number on the token' 'type:999888\n' -- "$authplug" try \
    putty --host $host --prompt "Enter PASSCODE:" -- "$authplug" answer \
    --config "$W/answers"
want_screen 'answer "1234999888"'
rm "$W/bin/pass"

it "a file with the secret, and oathtool with the same"
echo $secret >"$HOME/.login-seed"
rules oathtool
code=$(totp)
client --prompt "Verification code: "
want_answer "$code"
rules oathtool 2
code=$(totp)
client --prompt "Verification code: "
want_answer "$code"

# ------------------------------------------------------------ a code over HTTPS

# An authority of our own, and a service that wants a password.
service () {
    (
        cd "$W/srv" || exit 1
        openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem \
            -subj '/CN=tests' -days 2 -addext basicConstraints=critical,CA:TRUE
        openssl req -newkey rsa:2048 -nodes -keyout web.key -out web.csr \
            -subj /CN=codes.example.org
        echo subjectAltName=DNS:codes.example.org >web.ext
        openssl x509 -req -in web.csr -CA ca.pem -CAkey ca.key -days 2 \
            -CAcreateserial -extfile web.ext -out web.pem
    ) >"$W/srv/openssl" 2>&1
    cat >"$W/srv/web.py" <<'END'
import base64, http.server, ssl, sys
class Codes(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        good = b"Basic " + base64.b64encode(b"alice:hunter2")
        text = {"/mine": "471100\n", "/mine.json": '{"code": "471101"}'}
        known = self.headers.get("Authorization", "").encode() == good
        self.send_response(401 if not known
                           else 200 if self.path in text else 404)
        self.end_headers()
        if known:
            self.wfile.write(text.get(self.path, "no\n").encode())
    def log_message(self, *words):
        pass
server = http.server.HTTPServer(("127.0.0.1", 0), Codes)
tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
tls.load_cert_chain("web.pem", "web.key")
server.socket = tls.wrap_socket(server.socket, server_side=True)
with open("web.new", "w") as file:
    file.write(str(server.server_port))
import os; os.rename("web.new", "web.port")
server.serve_forever()
END
    (cd "$W/srv" && exec "$PY" web.py) >"$W/srv/web.out" 2>&1 &
    servers="$servers $!"
    await "$W/srv/web.port" || wrong "no service: $(cat "$W/srv/web.out")"
    # its name leads here
    cat >"$HOME/.curlrc" <<END
cacert = $W/srv/ca.pem
connect-to = codes.example.org:443:127.0.0.1:$(cat "$W/srv/web.port")
noproxy = *
END
}
web="A code that a web service gives"

it "a code that a web service gives"
if ! lacks curl curl && ! lacks openssl openssl; then
    service
    block "$web" text 2 >"$HOME/.netrc"
    chmod 600 "$HOME/.netrc"
    rules "$web"
    client --prompt "Verification code: "
    want_answer 471100
fi

it "the same as JSON"
if ! lacks curl curl && ! lacks openssl openssl && ! lacks jq jq; then
    rules "$web" 3
    client --prompt "Verification code: "
    want_answer 471101
fi

it "a service that refuses, or is another: curl's words"
if ! lacks curl curl && ! lacks openssl openssl; then
    rules "$web"
    echo 'machine codes.example.org login alice password wrong' >"$HOME/.netrc"
    client --prompt "Verification code: "
    want_out "curl ended with exit status 22: curl: (22) The requested URL"
    want_not grep -q wrong "$W/out"
    sed -i /cacert/d "$HOME/.curlrc"
    client --prompt "Verification code: "
    want_out "curl ended with exit status 60"
fi

# ---------------------------------------------------- programs that are played

it "1Password"
rules 1Password
stand_in op sesame read op://Private/login.example.org/password
client --prompt "Password: "
want_answer sesame
stand_in op 123456 item get login.example.org --otp
client --prompt "Verification code: "
want_answer 123456

it "Bitwarden"
rules Bitwarden
stand_in bw sesame --nointeraction get password login.example.org
client --prompt "Password: "
want_answer sesame
stand_in bw 123456 --nointeraction get totp login.example.org
client --prompt "Verification code: "
want_answer 123456

it "a YubiKey: a code, and an answer to the server's challenge"
rules 'A YubiKey'
stand_in ykman 123456 oath accounts code --single login.example.org
client --prompt "Verification code: "
want_answer 123456
rules 'A YubiKey' 2
stand_in ykman 0badcafe otp calculate 2 4711abcd
client --prompt "Challenge: 4711abcd Response: "
want_answer 0badcafe

client --prompt "Challenge: 4711 Response: "
want_out 'no rule matches "Challenge: 4711 Response:"'

it "a challenge for a shell's script is its argument"
rules Recipes
printf '#!/bin/sh\nread -r line || [ -n "$line" ]; echo "<$line>"\n' \
    >"$W/bin/respond"
chmod 755 "$W/bin/respond"
client --prompt "Challenge: 4711abcd Response: "
want_answer '<4711abcd>'

it "what is played takes no other words"
want_not ykman otp calculate 2 4711
want_not ykman otp calculate 2 4711abcd x

it "each block of rules of the page is tested above"
want [ "$(sed -n '/^## Recipes/,$p' "$page" | grep -c '^```text')" = 16 ]
want [ "$(sed -n '/^## Recipes/,$p' "$page" | grep -c '^```sh')" = 5 ]

gpgconf --kill all >/dev/null 2>&1
finish
