#!/bin/sh
# authplug-personal-info: the commands, the dialogue that is the same for
# everybody, and a database that is not as it should be. SRC and BUILD are the
# trees.
. "${0%/*}/lib.sh"
need_built plugins/personal-info/authplug-personal-info
info=$BUILD/plugins/personal-info/authplug-personal-info
deeds=$E2E/personal_info.py
db=$W/db/personal-info.db
# leaks cannot be looked for in a process that nobody may look into
[ "$(id -u)" = 0 ] || export ASAN_OPTIONS=detect_leaks=0

# act ARGUMENT... - a command, on our database
act () {
    run 20 "$info" --db "$db" "$@"
    want_nothing_left
}

# enrol USER ANSWER... - through a pipe
enrol () {
    user=$1
    shift
    printf '%s\n' "$@" >"$W/answers"
    act enrol "$user" <"$W/answers"
    rm -f "$W/answers"
}

# play <TRANSCRIPT - see tectia_server.py
play () {
    run 30 "$PY" "$E2E/tectia_server.py" -- "$info" --db "$db"
    want_rc 0
    want_nothing_left
}

first='< instruction:Please provide some personal information.
< req:Favorite color: 
< req_echo:Pet'\''s name: 
< end_of_requests'
second='< instruction:Please tell a little more.
< req:Light or dark? 
< end_of_requests'

# log_in USER COLOR PET CHOCOLATE VERDICT - the dialogue, to the last byte
log_in () {
    printf '%s\n' "> user_name:$1" '> remote_host_ip:192.0.2.1' \
        '> end_of_params' "$first" "> reply:$2" "> reply:$3" \
        '> end_of_replies' "$second" "> reply:$4" '> end_of_replies' \
        "< $5" "$ $([ "$5" = failure ]; echo $((1 - $?)))" >"$W/script"
    play <"$W/script"
    want_quiet
}

# broken REASON - nobody is asked, nobody gets in, and the log says why
broken () {
    for user in alice mallory; do
        printf '%s\n' "> user_name:$user" '> end_of_params' '< failure' \
            '$ 111' >"$W/script"
        play <"$W/script"
        want_err "$1"
        want [ "$(wc -l <"$W/err")" = 1 ]
        want grep -q '^authplug-personal-info: .*: .*' "$W/err"
    done
}

# sql STATEMENT... - on our database, by another program
sql () {
    "$PY" -c 'import sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
for statement in sys.argv[2:]: print(*db.execute(statement).fetchall())' \
        "$db" "$@"
}

# ------------------------------------------------------------------- the words

it "--help shows what the manual page describes, and all of it"
run 5 "$info" --help
want_rc 0
want_quiet
page=$SRC/man/authplug-personal-info.8
grep -oE -e '--[a-z][a-z-]*' "$W/out" | sort -u >"$W/a"
sed -n 's/^\.It Fl -\([a-z-]*\).*/--\1/p' "$page" | sort -u >"$W/b"
want diff "$W/a" "$W/b"
sed -n 's/^  \([a-z][a-z]*\) .*/\1/p' "$W/out" | sort >"$W/a"
sed -n 's/^\.It Cm \([a-z]*\).*/\1/p' "$page" | sort >"$W/b"
want diff "$W/a" "$W/b"
want [ "$(grep -c . "$W/a")" = 5 ]
want_out "More: man authplug-personal-info"

it "--version"
run 5 "$info" --version
want_rc 0
want grep -qx 'authplug-personal-info [0-9.]*' "$W/out"

it "misuse is told in one line"
for words in '--no-such-option' '--db' 'dance' 'enrol' 'remove' 'enrol a b' \
    'list x' 'ask x' 'init x' '--db relative.db list' '--db :memory: list' \
    '--question x list' 'enrol --round a' 'init --round' \
    'init --question a --round' 'init --question a --round --round'; do
    # shellcheck disable=SC2086
    run 5 "$info" $words
    want_rc 2
    want_out_none
    want [ "$(grep -c "^authplug-personal-info: .*: see '.*--help'" \
        "$W/err")" = 1 ]
done

it "names and questions are visible text, and not too long"
long=$(printf '%0257d' 0)
for name in '' "$(printf 'a\nb')" "$(printf 'a\033b')" "$(printf '\377')" \
    "$long"; do
    act enrol "$name"
    want_rc 2
    act remove "$name"
    want_rc 2
    want_harmless
done
for text in '' '  ' "$(printf 'a\nb')" "$(printf '\342\200\256')" "$long"; do
    act init --question "$text"
    want_rc 2
    want_harmless
done
act init --question 1 --question 2 --question 3 --question 4 --round \
    --question 5 --question 6 --question 7 --question 8
want_rc 2
want_not [ -e "$W/db" ]

it "a terminal is no server"
run 5 --pty -- "$info" --db "$db"
want_rc 2
want_screen "authplug-personal-info: "

it "without a database nothing goes, and it says what to do"
for words in 'enrol alice' 'remove alice' list; do
    # shellcheck disable=SC2086
    act $words
    want_rc 111
    want_err "init"
done
broken "init"

# -------------------------------------------------------------- the database

it "init makes a database that is ours alone"
(umask 0; exec "$info" --db "$db" init --question 'Favorite color:' \
    --question-echo "Pet's name: " --round --question 'Light or dark?') \
    >"$W/out" 2>"$W/err" || wrong "init failed"
want_out_none
want_quiet
want [ "$(stat -c %a "$db")" = 600 ]
want [ "$(stat -c %a "${db%/*}")" = 700 ]
want [ "$(ls -A "${db%/*}")" = personal-info.db ]

it "init leaves what is there as it is"
cp "$db" "$W/before"
act init
want_rc 111
want_err "is there already"
want cmp "$W/before" "$db"

it "init without questions has some of its own"
run 5 "$info" --db "$W/db/other.db" init
want_rc 0
db=$W/db/other.db sql 'SELECT round, echo FROM question ORDER BY place' \
    >"$W/out"
want_out_is '(1, 0) (1, 0) (1, 0) (2, 0)'
rm -f "$W/db/other.db"

it "nobody is enrolled yet"
act list
want_rc 0
want_out_none
act remove alice
want_rc 1
want_err "no answers of alice"

# ---------------------------------------------------------------- enrolment

it "answers are asked at the terminal, twice each, without echo"
run 20 --pty --on 'Favorite color: ' 'type:Forest Green\n' \
    --on 'more: ' 'type:forestgreen \n' --on "Pet's name: " 'type:Elvis\n' \
    --on 'more: ' 'type:elvis\n' --on 'Light or dark? ' 'type:dark\n' \
    --on 'more: ' 'type:dark\n' --on 'can now log in' 'kill:CONT' -- \
    "$info" --db "$db" enrol alice
want_rc 0
want_nothing_left
for word in orest lvis dark$; do
    want_not grep -qi "$word" "$W/screen"
done
log_in alice 'forest green' elvis dark success
log_in alice 'FOREST  GREEN' ' Elvis' "$(printf 'd a r k ')" success

it "names and days are listed, and nothing else"
act list
want_out_is "$(date -u +%F)  alice"
want_quiet

it "what will not do is asked again"
run 20 --pty --on 'Favorite color: ' 'type:no\n' \
    --on 'too short' 'kill:CONT' --on 'color: ' 'type:blue\n' \
    --on 'more: ' 'type:blau\n' --on 'differ' 'kill:CONT' \
    --on 'color: ' "type:$long\\n" --on 'too long' 'kill:CONT' \
    --on 'color: ' 'type:x\x1b[D\n' --on 'cannot be seen' 'kill:CONT' \
    --on 'color: ' 'type:blue\n' --on 'more: ' 'type:blue\n' \
    --on "name: " 'type:BLUE\n' --on 'another question' 'kill:CONT' \
    --on "name: " 'type:Tom\n' --on 'more: ' 'type:Tom\n' \
    --on 'dark? ' 'type:none\n' --on 'more: ' 'type:none\n' -- \
    "$info" --db "$db" enrol bob
want_rc 0
want_nothing_left
log_in bob blue tom none success

it "somebody who has answers is told so, and the new ones replace them"
run 20 --pty --on 'bob has answers already' 'kill:CONT' \
    --on 'color: ' 'type:pink\n' --on 'more: ' 'type:pink\n' \
    --on "name: " 'type:Tom\n' --on 'more: ' 'type:Tom\n' \
    --on 'dark? ' 'type:none\n' --on 'more: ' 'type:none\n' -- \
    "$info" --db "$db" enrol bob
want_rc 0
log_in bob blue tom none failure
log_in bob pink tom none success

it "a signal or an end of input changes nothing, the terminal neither"
cp "$db" "$W/before"
for end in 'type:\x03 130' 'kill:TERM 143' 'kill:HUP 129' 'type:\x04 1'; do
    run 20 --pty --on 'color: ' 'type:red\n' --on 'more: ' 'type:red\n' \
        --on "name: " "${end% *}" -- "$info" --db "$db" enrol bob
    want_rc "${end##* }"
    want_nothing_left
    want cmp "$W/before" "$db"
    want_not [ -e "$db-journal" ]
done

it "for scripts answers come from standard input, one per line"
enrol carol Red Felix Light
want_rc 0
want_quiet
want_out_none
log_in carol red felix light success

it "too few lines, too many, or one that will not do change nothing"
cp "$db" "$W/before"
enrol carol Blue Tom
want_rc 1
want_err "3 lines"
enrol carol Blue Tom None More
want_rc 1
want_err "3 lines"
enrol carol Blue '' None
want_rc 1
want_err "answer 2: too short"
enrol carol Blue Tom BLUE
want_rc 1
want_err "answer 3: another question"
enrol carol Blue Tom "$(printf 'no\033ne')"
want_rc 1
act enrol carol
want_rc 1
head -c 100000 /dev/zero | tr '\0' x >"$W/much"
act enrol carol <"$W/much"
want_rc 1
want cmp "$W/before" "$db"

it "remove forgets"
act remove carol
want_rc 0
want_quiet
log_in carol red felix light failure
act list
want_out_is "$(date -u +%F)  alice" "$(date -u +%F)  bob"

# ------------------------------------------------------------- the dialogue

it "one wrong answer is enough, and no round tells which"
log_in alice 'forest greet' elvis dark failure
log_in alice 'forest green' elvi dark failure
log_in alice 'forest green' elvis light failure
log_in alice elvis 'forest green' dark failure
log_in alice 'forest green3:' elvis dark failure

it "somebody unknown has the same dialogue, to the last byte"
log_in mallory 'forest green' elvis dark failure
log_in '' 'forest green' elvis dark failure
log_in root 'forest green' elvis dark failure

it "also after an enrolment, and after it was removed"
enrol dora Grey Max White
log_in dora 'forest green' elvis dark failure
act remove dora
log_in dora 'forest green' elvis dark failure

it "what nobody can have answered may be given again, once, by everybody"
again='< instruction:An answer has 3 to 64 letters or digits. Please try again.'
for user in alice mallory; do
    verdict=$([ $user = alice ] && echo success || echo failure)
    printf '%s\n' "> user_name:$user" '> end_of_params' "$first" \
        '> reply:' '> reply:elvis' '> end_of_replies' "$again" \
        '< req:Favorite color: ' '< end_of_requests' \
        '> reply:forest green' '> end_of_replies' "$second" \
        '> reply:{x*60000}' '> end_of_replies' "$again" \
        '< req:Light or dark? ' '< end_of_requests' '> reply:dark' \
        '> end_of_replies' "< $verdict" >"$W/script"
    play <"$W/script"
    want_quiet
    printf '%s\n' "> user_name:$user" '> end_of_params' "$first" \
        '> reply:\x1b' '> reply:{ *257}' '> end_of_replies' "$again" \
        '< req:Favorite color: ' "< req_echo:Pet's name: " \
        '< end_of_requests' '> reply:{ *300}' '> reply:elvis' \
        '> end_of_replies' "$second" '> reply:dark' '> end_of_replies' \
        '< failure' '$ 1' >"$W/script"
    play <"$W/script"
    want_quiet
done

it "neither does the time tell who is known"
run 120 "$PY" "$deeds" times "$info" "$db"
want_rc 0
note <"$W/out"

it "names that mean something to SQL, to files or to us are names"
for user in "alice' OR '1'='1" "'; DROP TABLE person; --" 'alice"' '%' \
    'alice%' ALICE 'alice ' ' alice' '../alice' 'bob%0a' '\xff\xfe' \
    '{alice*13000}' '{a*257}' 'user_name:alice'; do
    log_in "$user" 'forest green' elvis dark failure
done
enrol "Robert'); DROP TABLE person;--" red tom light
want_rc 0
log_in "Robert'); DROP TABLE person;--" red tom light success
act remove "Robert'); DROP TABLE person;--"
want_rc 0
log_in alice 'forest green' elvis dark success

it "the last of several names counts, as for the server"
printf '%s\n' '> user_name:mallory' '> USER_NAME:alice' '> end_of_params' \
    "$first" '> reply:forest green' '> reply:elvis' '> end_of_replies' \
    "$second" '> reply:dark' '> end_of_replies' '< success' '$ 0' >"$W/script"
play <"$W/script"

it "lines that are none, or that are too many, let nobody in"
for name in 'ali\0ce' 'alice\r' '{x*70000}'; do
    printf '%s\n' "> user_name:$name" '> end_of_params' '$ 111' >"$W/script"
    play <"$W/script"
    want_err "authplug-personal-info: the server"
done
printf '%s\n' '> user_name:alice' '> end_of_params' "$first" \
    '> reply:forest green' '> reply:elvis' '> reply:' '> end_of_replies' \
    '$ 111' >"$W/script"
play <"$W/script"
want_err "authplug-personal-info: the server"

it "replies that mean something to SQL are answers"
log_in alice "' OR '1'='1" "'; DROP TABLE person; --" "dark'" failure
log_in alice 'forest green' elvis dark success

it "its input ends at every point"
printf '%s\n' '> user_name:alice' '> end_of_params' "$first" \
    '> reply:forest green' '> reply:elvis' '> end_of_replies' "$second" \
    '> reply:dark' '> end_of_replies' >"$W/script"
run 60 "$PY" "$E2E/tectia_server.py" --cut -- "$info" --db "$db" <"$W/script"
want_rc 0
want_nothing_left

# --------------------------------------------------------------- many at once

it "enrolments and logins at once, each as if it were alone"
run 120 "$PY" "$deeds" crowd "$info" "$db"
want_rc 0
want_quiet
want_nothing_left

# -------------------------------------------------------------------- secrets

it "answers are in no file, argument, variable or core"
want_not grep -rqaiE 'forest|elvis|felix' "$W/db"
mkdir "$W/cores" "$W/open"
cp "$db" "$W/open"
if [ "$(id -u)" = 0 ]; then
    chmod 711 "$W"
    chown -R 65534 "$W/open" "$W/cores"
fi
cp "$info" "$W/open/program"
chmod 755 "$W/open/program"
run 30 "$PY" "$deeds" secret "$W/open/program" "$W/open/personal-info.db" \
    "$W/cores"
want_rc 0
chmod 700 "$W"
rm -rf "$W/open" "$W/cores"

# ---------------------------------------- a database that is not as it should be

cp -p "$db" "$W/good"
# again - the database is as it was
again () {
    rm -rf "$db" "$db-journal"
    cp -p "$W/good" "$db"
    chmod 700 "${db%/*}"
}

it "a database that others can read or write"
for mode in 640 604 620 602 610; do
    chmod $mode "$db"
    broken "chmod 600 $db"
done
again
for mode in 770 707 1777; do
    chmod $mode "${db%/*}"
    broken "chmod go-w ${db%/*}"
    act list
    want_rc 111
done
again

it "one that belongs to somebody else"
if [ "$(id -u)" = 0 ]; then
    chown 65534 "$db"
    broken "chown root $db"
    again
    chown 65534 "${db%/*}"
    broken "chown root ${db%/*}"
    chown 0 "${db%/*}"
else
    lacking "root, who gives files away"
fi

it "one that is no file, or elsewhere"
rm "$db"
ln -s "$W/good" "$db"
broken "no plain file"
rm "$db"
mkdir "$db"
broken "no plain file"
rmdir "$db"
mkfifo -m 600 "$db"
broken "no plain file"
again
mv "${db%/*}" "$W/real"
ln -s real "${db%/*}"
broken "symbolic link"
rm "${db%/*}"
mv "$W/real" "${db%/*}"

it "one that is empty, cut off, or something else"
: >"$db"
broken "no database of this version"
head -c 5000 "$W/good" >"$db"
broken "damaged"
head -c 20000 /dev/urandom >"$db"
broken "damaged"
again
sql 'PRAGMA user_version = 2' >/dev/null
broken "no database of this version"
again
sql 'PRAGMA application_id = 7' >/dev/null
broken "no database of this version"
again

it "one that was tampered with"
sql 'DROP TABLE question' >/dev/null
broken "cannot be used"
again
sql 'DELETE FROM question' >/dev/null
broken "damaged"
again
sql "UPDATE question SET text = 'a' || char(10) || 'success'" >/dev/null
broken "damaged"
again
sql "UPDATE question SET text = printf('%.*c', 201, 'x')" >/dev/null
broken "damaged"
again
sql 'UPDATE question SET round = 3 * round' >/dev/null
broken "damaged"
again

# late USER REASON - the dialogue is held, and then there is no decision
late () {
    printf '%s\n' "> user_name:$1" '> end_of_params' "$first" \
        '> reply:forest green' '> reply:elvis' '> end_of_replies' "$second" \
        '> reply:dark' '> end_of_replies' '< failure' '$ 111' >"$W/script"
    play <"$W/script"
    want_err "$2"
}

it "one without the people, or the one that everybody unknown is"
sql 'DROP TABLE person' >/dev/null
late alice "cannot be used"
again
sql "DELETE FROM person WHERE name = ''" >/dev/null
log_in alice 'forest green' elvis dark success
late mallory "damaged"
again

it "one with a hash that is none of ours"
for hash in "''" "'*0'" "'forestgreen'" "'\$6\$salt\$hash'" "'\$y\$jAT\$!'" \
    "printf('%.*c', 200, 'x')" "'a' || char(0)"; do
    sql "UPDATE person SET hash = $hash WHERE name = 'alice'" >/dev/null
    late alice "authplug-personal-info: "
    again
done

it "one with a view in the place of a table"
sql 'ALTER TABLE question RENAME TO q' \
    'CREATE VIEW question AS SELECT * FROM q' >/dev/null
broken "cannot be used"
again

it "one in which any bytes changed lets nobody in whose answers are wrong"
n=0
while [ $n -lt 30 ]; do
    n=$((n + 1))
    "$PY" -c 'import random, sys
data = bytearray(open(sys.argv[1], "rb").read())
chance = random.Random(int(sys.argv[2]))
for _ in range(2 ** chance.randrange(10)):
    data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
open(sys.argv[3], "wb").write(data)' "$W/good" $n "$db"
    run 10 "$PY" -c 'import subprocess, sys
plugin = subprocess.Popen(sys.argv[1:], stdin=-1, stdout=-1)
plugin.stdin.write(b"user_name:alice\nend_of_params\n"); plugin.stdin.flush()
asked = 0
for line in plugin.stdout:
    asked += line.startswith(b"req")
    if line == b"end_of_requests\n":
        plugin.stdin.write(b"reply:wrong\n" * asked + b"end_of_replies\n")
        plugin.stdin.flush()
        asked = 0
    if line == b"success\n":
        sys.exit("it said success")
sys.exit(plugin.wait() not in (1, 111))' "$info" --db "$db"
    want_rc 0
done
again

it "one that somebody has locked: nobody waits for long"
"$PY" "$deeds" hold "$info" "$db" "$W/ready" &
holder=$!
servers="$servers $holder"
await "$W/ready" || wrong "it was not locked"
broken "locked"
want_within 5000
act list
want_rc 111
want_within 5000
enrol alice Red Tom None
want_rc 111
want_err "locked"
want_within 8000
"$PY" "$E2E/run.py" --stop $holder
log_in alice 'forest green' elvis dark success

it "one that is locked between the questions and the verdict"
run 20 "$PY" "$deeds" locked "$info" "$db"
want_rc 0
want_err "locked"

it "what a killed writer left behind is undone, at the next login"
"$PY" "$deeds" crash "$info" "$db" || wrong "there is no journal"
want [ -s "$db-journal" ]
log_in alice 'forest green' elvis dark success
want_not [ -s "$db-journal" ]
want cmp "$W/good" "$db"

it "and by a command"
"$PY" "$deeds" crash "$info" "$db" || wrong "there is no journal"
act list
want_rc 0
want_out alice
want cmp "$W/good" "$db"

it "a full disk changes nothing"
cp "$db" "$W/before"
# the message fits in one block, the journal does not
(ulimit -f 1; trap '' XFSZ
 printf 'Red\nTom\nNone\n' | "$info" --db "$db" enrol alice) \
    >"$W/out" 2>"$W/err" && wrong "it said that it had enrolled"
want_err "authplug-personal-info: "
want_not [ -s "$db-journal" ]
log_in alice 'forest green' elvis dark success

it "a list that cannot be written is no list"
"$info" --db "$db" list >/dev/full 2>"$W/err" && wrong "it said that it could"
want_err "standard output"

finish
