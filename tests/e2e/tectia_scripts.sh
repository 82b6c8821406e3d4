#!/bin/sh
# Plugins for Tectia's protocol: the helper functions, the same in sh, Python
# and Perl, and the examples. SRC and BUILD are the trees.
# shellcheck disable=SC2086,SC2016 # $probe and $example are words; hostile text
. "${0%/*}/lib.sh"
need perl perl
need openssl openssl
need_built examples/personal_info
need_built examples/guests
need_built examples/change_password
sdk=$SRC/sdk/tectia
examples=$SRC/examples/tectia

# play PLUGIN... <TRANSCRIPT - see tectia_server.py
play () {
    run 30 "$PY" "$E2E/tectia_server.py" -- "$@"
    want_rc 0
    want_nothing_left
}

# The same, and nothing on standard error.
play_quietly () {
    play "$@"
    want_quiet
}

# Its input ends at every point.
play_cut () {
    run 120 "$PY" "$E2E/tectia_server.py" --cut -- "$@"
    want_rc 0
    want_nothing_left
}

# ------------------------------------------------------ the helper functions
# A plugin in each language that shows what it reads, asks twice, tries to send
# what is no line, and says success even after a fault.

cat >"$W/probe.sh" <<'END'
. "$1/plugin.sh"
set -eu
fault () { ssh_plugin_send error_log "$1"; ssh_plugin_success || exit 2; }
ssh_plugin_params || fault params
ssh_plugin_send seen "$(ssh_plugin_get user_name)"
ssh_plugin_get none || ssh_plugin_send none
ssh_plugin_ask "Two questions." req "A: " req_echo "B: " || fault replies
ssh_plugin_send seen "$(ssh_plugin_get reply 1)"
ssh_plugin_send seen "$(ssh_plugin_get reply 2)"
ssh_plugin_ask "" || fault empty
ssh_plugin_recv words || fault words
ssh_plugin_send seen "$(ssh_plugin_get k 1)$(ssh_plugin_get k)"
for bad in "$(printf 'a\nsuccess')" "$(printf 'a\rb')"; do
    ssh_plugin_send seen "$bad" || ssh_plugin_send refused
done
ssh_plugin_send 'a:b' c || ssh_plugin_send refused
ssh_plugin_success
END

cat >"$W/probe.py" <<'END'
import sys
sys.path.insert(0, sys.argv[1])
sys.dont_write_bytecode = True
import authplug_tectia as plugin
step = "params"
try:
    params = plugin.params()
    plugin.send("seen", params["user_name"])
    if "none" not in params:
        plugin.send("none")
    step = "replies"
    replies = plugin.ask("Two questions.", ("req", "A: "), ("req_echo", "B: "))
    for reply in replies:
        plugin.send("seen", reply)
    step = "empty"
    plugin.ask("")
    step = "words"
    k = [value for key, value in plugin.recv("words") if key == "k"]
    plugin.send("seen", k[0] + k[-1])
except plugin.Fault:
    plugin.send("error_log", step)
    plugin.success()
    sys.exit(2)
for bad in ("seen", "a\nsuccess"), ("seen", "a\rb"), ("a:b", "c"):
    try:
        plugin.send(*bad)
    except ValueError:
        plugin.send("refused")
plugin.success()
END

cat >"$W/probe.pl" <<'END'
use strict;
use warnings FATAL => 'all';
use Net::SSH::Tectia::Plugin qw(:DEFAULT ssh_plugin_ask);
$SIG{__WARN__} = sub { die @_ unless $_[0] =~ /^ssh_plugin_send: / };
sub fault { ssh_plugin_send("error_log", @_); ssh_plugin_success(); exit 2 }
my ($end, %params) = ssh_plugin_params();
defined $end or fault("params");
ssh_plugin_send("seen", $params{user_name});
ssh_plugin_send("none") unless exists $params{none};
($end, my @replies) =
    ssh_plugin_ask("Two questions.", req => "A: ", req_echo => "B: ");
defined $end or fault("replies");
ssh_plugin_send("seen", $_) for @replies;
($end) = ssh_plugin_ask("");
defined $end or fault("empty");
($end, my @k) = ssh_plugin_recv("words");
defined $end or fault("words");
ssh_plugin_send("seen", $k[1] . $k[-1]);
for my $bad (["seen", "a\nsuccess"], ["seen", "a\rb"], ["a:b", "c"]) {
    ssh_plugin_send(@$bad) or ssh_plugin_send("refused");
}
ssh_plugin_success();
END

# probe LANGUAGE - sets the words that start it
probe () {
    case $1 in
    python) probe="$PY -W error $W/probe.py $sdk" ;;
    perl) probe="perl -T -I$sdk $W/probe.pl" ;;
    busybox) probe="busybox sh $W/probe.sh $sdk" ;;
    *) probe="$1 $W/probe.sh $sdk" ;;
    esac
}

languages="sh python perl"
for shell in bash busybox; do
    if command -v "$shell" >/dev/null; then languages="$languages $shell"; fi
done

# dialogue FIRST SECOND [OTHER KEYS] - a good one, with these replies
dialogue () {
    cat <<END
> user_name:alice
> end_of_params
< seen:alice
< none
< instruction:Two questions.
< req:A: 
< req_echo:B: 
< end_of_requests
> reply:$1
> reply:$2
> end_of_replies
< seen:$1
< seen:$2
< end_of_requests
> end_of_replies
> k:1
> k:2
> end_of_words
< seen:12
< refused
< refused
< refused
< success
$ 0
END
}

# no_params LINE... - what the plugin says when these are no parameters
no_params () {
    printf '%s\n' "$@" '< error_log:params' '< failure' '$ 2'
}

# no_replies LINE... - the same for replies to its two prompts
no_replies () {
    dialogue 1 2 | sed '/^> reply/,$d'
    printf '%s\n' "$@" '< error_log:replies' '< failure' '$ 2'
}

# The plugin under test plays them. (A pipe would hide from the test what went
# wrong behind it.)
play_dialogue () {
    dialogue "$@" >"$W/script"
    play $probe <"$W/script"
}

play_no_params () {
    no_params "$@" >"$W/script"
    play $probe <"$W/script"
}

play_no_replies () {
    no_replies "$@" >"$W/script"
    play $probe <"$W/script"
}

for language in $languages; do
    probe "$language"

    it "$language: a whole dialogue"
    dialogue stoat weasel >"$W/script"
    play_quietly $probe <"$W/script"

    it "$language: replies that look like the protocol are replies"
    play_dialogue end_of_replies success:end_of_replies:

    it "$language: empty replies, blanks, quotes, backslashes, dollars, stars"
    play_dialogue '' ' \\\\n "$(id)" `id` $HOME * '\'' -n %s '

    it "$language: bytes that are no text come back as they were"
    play_dialogue '\xff\xc3' '\xc3\xa4\x01\x7f\x80'

    it "$language: a reply of 60000 bytes"
    dialogue X weasel | sed 's/:X$/:{y*60000}/' >"$W/script"
    play_quietly $probe <"$W/script"

    it "$language: keys and end markers are of any case, values of theirs"
    dialogue StOaT weasel | sed 's/^> user_name/> User_NAME/
        s/^> reply/> Reply/; s/^> end_of_.*/\U&/; s/^> K/> k/' >"$W/script"
    play_quietly $probe <"$W/script"

    it "$language: what is not known is passed over"
    {
        printf '%s\n' '> ' '> hello' '> x:y' '> :' '> :v' '> a b:c' '> ä:ö' \
            '> end_of_replies' '> end_of_params:' '> end_of_params2' '> *' \
            '> success'
        dialogue 1 2 | sed '/^> reply:1/i> later:1\n> word\n> replyx:1'
    } >"$W/script"
    play_quietly $probe <"$W/script"

    it "$language: 256 lines are a list, its end included"
    {
        printf '> a:%s\n' $(seq 254)
        dialogue 1 2
    } >"$W/script"
    play_quietly $probe <"$W/script"

    it "$language: 257 lines are not"
    play_no_params "$(printf '> a:%s\n' $(seq 256))" '> end_of_params'

    it "$language: all lines at once are read one list after the other"
    { echo '>>'; dialogue stoat weasel; } >"$W/script"
    play_quietly $probe <"$W/script"

    it "$language: no end marker, no success"
    play_no_params '> user_name:alice' 'eof'

    it "$language: an end marker without its newline is none"
    play_no_params '> user_name:alice' '>- end_of_params' 'eof'

    it "$language: nothing at all is no list"
    play_no_params 'eof'

    it "$language: no end marker after the replies"
    play_no_replies '> reply:1' '> reply:2' 'eof'

    it "$language: a parameter with CR"
    play_no_params '> user_name:al\rice' '> end_of_params'

    it "$language: CR at the end of lines is refused as well"
    play_no_params '> user_name:alice\r' '> end_of_params\r' 'eof'

    it "$language: a parameter with NUL"
    play_no_params '> user_name:al\0ice' '> end_of_params'

    it "$language: an end marker with NUL"
    play_no_params '> user_name:alice' '> end_of_params\0' 'eof'

    it "$language: a reply with CR"
    play_no_replies '> reply:1' '> reply:2\r' '> end_of_replies'

    it "$language: a reply with NUL"
    play_no_replies '> reply:1\0' '> reply:2' '> end_of_replies'

    it "$language: a newline in a reply makes it a line of its own"
    play_no_replies '> reply:1' '> reply:2\nreply:3' '> end_of_replies'

    it "$language: a line of a megabyte"
    play_no_params '> user_name:{a*1048576}' '> end_of_params'
    want_within 5000

    it "$language: a megabyte without a newline"
    play_no_replies '> reply:1' '>- reply:{a*1048576}'
    want_within 5000

    it "$language: a line of one byte more than 65536"
    play_no_params '> user_name:{a*65527}' '> end_of_params'

    it "$language: a reply too few"
    play_no_replies '> reply:1' '> end_of_replies'

    it "$language: a reply without a colon is none"
    play_no_replies '> reply:1' '> reply' '> end_of_replies'

    it "$language: a reply too many"
    play_no_replies '> reply:1' '> reply:2' '> reply:3' '> end_of_replies'

    it "$language: a reply that nobody asked for"
    { dialogue 1 2 | sed '/^< seen:2/,$d'
      printf '%s\n' '< seen:2' '< end_of_requests' '> reply:3' \
          '> end_of_replies' '< error_log:empty' '< failure' '$ 2'
    } >"$W/script"
    play $probe <"$W/script"

    it "$language: the input ends at every point"
    dialogue stoat weasel >"$W/script"
    play_cut $probe <"$W/script"

    it "$language: the server goes away and does not listen"
    printf 'user_name:alice\nend_of_params\n' >"$W/in"
    run 10 sh -c "$probe <\"\$1\" | :" - "$W/in"
    want_no_err Traceback
    want_nothing_left
done

# ------------------------------------------------ scripts for the Perl module
# They are written as scripts for a module of this name are, and run with -T.

cat >"$W/old_passwd.pl" <<'END'
#!/usr/bin/perl -w
use strict;
use Net::SSH::Tectia::Plugin;
my ($end, %params) = &ssh_plugin_params();
sub ssh_plugin_error_msg { &ssh_plugin_send("error_msg", @_); }
sub ssh_plugin_error_log { &ssh_plugin_send("error_log", @_); }
sub ssh_plugin_die { &ssh_plugin_error_log(@_); &ssh_plugin_failure(); exit(2); }
&ssh_plugin_die("no end") unless defined($end);
&ssh_plugin_die("no name") unless exists($params{"user_name"});
if ($params{"new_password"} eq "good enough") {
    &ssh_plugin_success(); exit(0);
} else {
    &ssh_plugin_error_msg("not good enough");
    &ssh_plugin_failure(); exit(1);
}
END

cat >"$W/old_kbdint.pl" <<'END'
#!/usr/bin/perl -w
use strict;
use Net::SSH::Tectia::Plugin;
sub ssh_plugin_die { &ssh_plugin_failure(); exit(2); }
my ($end_params, %params) = &ssh_plugin_params();
&ssh_plugin_die() unless defined($end_params);
&ssh_plugin_send("instruction", "Say who you are.");
&ssh_plugin_send("req", "Color: ");
&ssh_plugin_send("req_echo", "Pet: ");
&ssh_plugin_send("end_of_requests");
my ($end_replies, @replies) = &ssh_plugin_recv("replies");
&ssh_plugin_die() unless defined($end_replies);
my %replies;
foreach my $reply (qw(color pet)) {
    my ($key, $value) = splice(@replies, 0, 2);
    &ssh_plugin_die()
        unless defined($key) && $key eq "reply" && defined($value);
    $replies{$reply} = $value;
}
&ssh_plugin_die() if @replies;
if ($params{"user_name"} eq "alice" && $replies{"pet"} eq "stoat") {
    &ssh_plugin_success(); exit(0);
} else {
    &ssh_plugin_failure(); exit(1);
}
END

cat >"$W/old_authorize.pl" <<'END'
#!/usr/bin/perl -w
use strict;
use Net::SSH::Tectia::Plugin;
my ($end, %params) = &ssh_plugin_params();
unless (defined($end)) { &ssh_plugin_failure(); exit(2); }
if ($params{"remote_host_name"} eq "inside.example") {
    &ssh_plugin_success(); exit(0);
} else {
    &ssh_plugin_failure();
    &ssh_plugin_send("error_code", "generic_error");
    &ssh_plugin_send("error_msg", "Not from there.");
    exit(1);
}
END
old="perl -T -I$sdk $W/old"

it "a password script runs unchanged"
play_quietly ${old}_passwd.pl <<'END'
> USER_NAME:alice
> old_password:old:with:colons
> new_password:good enough
> End_Of_Params
< success
$ 0
END

it "its refusal and its fault go to the server"
play_quietly ${old}_passwd.pl <<'END'
> user_name:alice
> new_password:no
> end_of_params
< error_msg:not good enough
< failure
$ 1
END
play_quietly ${old}_passwd.pl <<'END'
> user_name:alice
> new_password:good enough
eof
< error_log:no end
< failure
$ 2
END

it "a keyboard-interactive script runs unchanged"
play_quietly ${old}_kbdint.pl <<'END'
> user_name:alice
> end_of_params
< instruction:Say who you are.
< req:Color: 
< req_echo:Pet: 
< end_of_requests
> reply:green
> Reply:stoat
> end_of_replies
< success
$ 0
END

it "it sees a reply too many, and a key that is no reply"
for line in '> reply:more' '> other:more'; do
    play_quietly ${old}_kbdint.pl <<END
> user_name:alice
> end_of_params
< instruction:Say who you are.
< req:Color: 
< req_echo:Pet: 
< end_of_requests
> reply:green
> reply:stoat
$line
> end_of_replies
< failure
$ 2
END
done

it "an authorization script runs unchanged"
play_quietly ${old}_authorize.pl <<'END'
> user_name:alice
> remote_host_name:elsewhere.example
> end_of_params
< failure
< error_code:generic_error
< error_msg:Not from there.
$ 1
END

it "the input of all of them ends at every point"
play_cut ${old}_kbdint.pl <<'END'
> user_name:alice
> end_of_params
< instruction:Say who you are.
< req:Color: 
< req_echo:Pet: 
< end_of_requests
> reply:green
> reply:stoat
> end_of_replies
END

it "the module exports five names"
run 5 perl -T "-I$sdk" -e '
    use Net::SSH::Tectia::Plugin;
    print "$_\n" for sort grep { /^ssh_/ && defined &$_ } keys %main::'
want_out_is ssh_plugin_failure ssh_plugin_params ssh_plugin_recv \
    ssh_plugin_send ssh_plugin_success

it "what is read stays tainted"
printf 'user_name:alice\nend_of_params\n' >"$W/in"
run 5 perl -T "-I$sdk" -e '
    use Scalar::Util "tainted";
    use Net::SSH::Tectia::Plugin;
    my ($end, %params) = ssh_plugin_params();
    print tainted($params{user_name}) ? "tainted\n" : "not tainted\n"' <"$W/in"
want_out_is tainted

it "files named as arguments are not read instead of the server"
printf 'user_name:mallory\nend_of_params\n' >"$W/argument"
run 5 perl -T "-I$sdk" -e '
    use Net::SSH::Tectia::Plugin;
    my ($end, %params) = ssh_plugin_params();
    print "$params{user_name}\n"' "$W/argument" <"$W/in"
want_out_is alice

it "a fault leaves an empty list, and undef where one value is wanted"
run 5 perl -T "-I$sdk" -e '
    use Net::SSH::Tectia::Plugin;
    my @list = ssh_plugin_params();
    my $end = ssh_plugin_params();
    print scalar(@list), defined $end ? "defined" : "undef", "\n"'
want_out_is 0undef

# --------------------------------------------------------------- the examples

# example NAME - sets the words that start it; its exit status where it fails
# for a reason of its own; and its last lines where what it reads makes no
# sense: scripts say failure, the runtime for C says nothing at all to a server
# that does not keep to the protocol, but the reason on standard error.
example () {
    fault=2 play_lost=play_quietly lost='< failure
$ 2'
    case $1 in
    *.pl) example="perl -w -T -I$sdk $examples/$1" ;;
    *.c)
        example=$BUILD/examples/${1%.c}
        fault=1 play_lost=play lost='$ 111' ;;
    *) example="sh $examples/$1" ;;
    esac
}

# word REPLY VERDICT STATUS
word () {
    printf '%s\n' '> user_name:alice' '> end_of_params' \
        '< req:The word, please: ' '< end_of_requests' \
        "> reply:$1" '> end_of_replies' "< $2" "$ $3" >"$W/script"
    play_quietly sh "$examples/word.sh" 'a*t' <"$W/script"
}

it "word.sh: whoever knows the word may pass"
word 'a*t' success 0

it "word.sh: whoever does not may not"
word ant failure 1
word '' failure 1
word 'A*T' failure 1

it "word.sh: a server that is gone lets nobody pass"
word 'a*t' success 0
play_cut sh "$examples/word.sh" 'a*t' <"$W/script"

cat >"$W/people" <<'END'
alice:green:Rex:yes
nothing:::
:a:b:c
carol:red:Tom
END

questions='< instruction:Please provide some personal information.
< req:Favorite color: 
< req:Pet'\''s name: 
< req_echo:Do you like chocolate? 
< end_of_requests'

# answers NAME COLOR PET CHOCOLATE VERDICT STATUS
answers () {
    printf '%s\n' "> user_name:$1" '> remote_host_ip:192.0.2.1' \
        '> remote_host_name:client.example' '> end_of_params' "$questions" \
        "> reply:$2" "> reply:$3" "> reply:$4" '> end_of_replies' \
        "< $5" "$ $6" >"$W/script"
    play_quietly $example "$W/people" <"$W/script"
}

for name in personal_info.sh personal_info.pl personal_info.c; do
    example "$name"

    it "$name: the right answers"
    answers alice green Rex yes success 0

    it "$name: a wrong answer, wherever it is"
    answers alice red Rex yes failure 1
    answers alice green rex yes failure 1
    answers alice green Rex '' failure 1

    it "$name: the same dialogue for somebody unknown"
    answers mallory green Rex yes failure 1
    answers '' a b c failure 1
    answers '' '' '' '' failure 1
    answers Alice green Rex yes failure 1
    answers '../people' green Rex yes failure 1

    it "$name: colons do not move the borders"
    answers alice:green Rex yes '' failure 1
    answers alice 'green:Rex' yes '' failure 1
    answers alice green Rex:yes '' failure 1
    answers carol red Tom '' failure 1

    it "$name: no parameter at all, the same dialogue"
    printf '%s\n' '> end_of_params' "$questions" '> reply:' '> reply:' \
        '> reply:' '> end_of_replies' '< failure' '$ 1' >"$W/script"
    play_quietly $example "$W/people" <"$W/script"

    it "$name: patterns and commands in replies are text"
    answers alice '*' '$(touch '"$W"'/touched)' '`touch '"$W"'/touched`' \
        failure 1
    [ ! -e "$W/touched" ] || wrong "a reply was executed"

    it "$name: no file, no success"
    printf '%s\n' '> user_name:alice' '> end_of_params' "$questions" \
        '> reply:green' '> reply:Rex' '> reply:yes' '> end_of_replies' \
        '< failure' >"$W/script"
    play $example "$W/none" <"$W/script"

    it "$name: too few and too many replies"
    printf '%s\n' '> user_name:alice' '> end_of_params' "$questions" \
        '> reply:green' '> reply:Rex' '> end_of_replies' "$lost" >"$W/script"
    $play_lost $example "$W/people" <"$W/script"
    printf '%s\n' '> user_name:alice' '> end_of_params' "$questions" \
        '> reply:green' '> reply:Rex' '> reply:yes' '> reply:' \
        '> end_of_replies' "$lost" >"$W/script"
    $play_lost $example "$W/people" <"$W/script"

    it "$name: its input ends at every point"
    printf '%s\n' '> user_name:alice' '> end_of_params' "$questions" \
        '> reply:green' '> reply:Rex' '> reply:yes' '> end_of_replies' >"$W/script"
    play_cut $example "$W/people" <"$W/script"
done

printf '%s\n' 'inside 192.0.2.' 'inside' 'inside 2001:db8:' 'guest' \
    >"$W/guests"
printf 'guest visitor' >>"$W/guests"    # no newline: still a guest

# log_in NAME ADDRESS "DAY HOUR" yes|no
log_in () {
    {
        printf '%s\n' "> user_name:$1" "> remote_host_ip:$2" '> unknown:x' \
            '> end_of_params'
        if [ "$4" = yes ]; then
            printf '%s\n' '< success' '$ 0'
        else
            printf '%s\n' '< failure' '< error_code:generic_error' \
                "< error_msg:Guests from elsewhere log in outside of office\
 hours." '$ 1'
        fi
    } >"$W/script"
    play_quietly $example "$W/guests" "$3" <"$W/script"
}

for name in guests.sh guests.pl guests.c; do
    example "$name"

    it "$name: a guest from elsewhere in office hours is refused"
    log_in visitor 203.0.113.7 '1 14' no
    log_in visitor 203.0.113.7 '5 17' no
    log_in visitor 203.0.113.7 '2 08' no
    log_in visitor 2001:db7::1 '1 14' no
    log_in visitor '' '1 14' no
    log_in visitor '192.0.20.1' '1 14' no

    it "$name: outside of them, or from inside, he is not"
    log_in visitor 203.0.113.7 '1 18' yes
    log_in visitor 203.0.113.7 '1 07' yes
    log_in visitor 203.0.113.7 '6 14' yes
    log_in visitor 192.0.2.9 '1 14' yes
    log_in visitor 2001:db8::1 '1 14' yes

    it "$name: others are no guests"
    log_in alice 203.0.113.7 '1 14' yes

    it "$name: without a time it is now"
    printf '%s\n' '> user_name:visitor' '> remote_host_ip:192.0.2.1' \
        '> end_of_params' '< success' >"$W/script"
    play_quietly $example "$W/guests" <"$W/script"

    it "$name: without a name, or without the list, nobody"
    printf '%s\n' '> remote_host_ip:192.0.2.9' '> end_of_params' \
        '< failure' "$ $fault" >"$W/script"
    play $example "$W/guests" '1 14' <"$W/script"
    printf '%s\n' '> user_name:alice' '> end_of_params' \
        '< failure' "$ $fault" >"$W/script"
    play $example "$W/none" '1 14' <"$W/script"
    play $example "$W" '1 14' <"$W/script"
    play $example <"$W/script"

    it "$name: its input ends at every point"
    printf '%s\n' '> user_name:alice' '> remote_host_ip:192.0.2.9' \
        '> end_of_params' >"$W/script"
    play_cut $example "$W/guests" '1 14' <"$W/script"
done

# hash PASSWORD SALT
hash () {
    printf '%s\n' "$1" | openssl passwd -6 -salt "$2" -stdin
}

# change USER OLD NEW LINE... - the lines are what it says
change () {
    {
        printf '%s\n' "> user_name:$1" "> old_password:$2" \
            "> new_password:$3" '> end_of_params'
        shift 3
        printf '%s\n' "$@"
    } >"$W/script"
    play_quietly $example "$W/private" <"$W/script"
}

new='new: päss "$HOME" word'
for name in change_password.sh change_password.pl change_password.c; do
    example "$name"
    {
        echo '# hashes'
        echo "alicia:$(hash other pepper)"
        echo "alice:$(hash 'old one' salt)"
        echo 'locked:*'
        echo 'empty:'
        printf 'bob:%s' "$(hash "bob's" pepper)"
    } >"$W/private"
    cp "$W/private" "$W/before"

    it "$name: a wrong old password and an unknown user are the same"
    for user in alice mallory locked empty '# hashes'; do
        change "$user" wrong "$new" '< error_msg:The old password is wrong.' \
            '< failure' '$ 1'
    done
    change alice 'bob'\''s' "$new" '< error_msg:The old password is wrong.' \
        '< failure' '$ 1'
    want cmp "$W/before" "$W/private"

    it "$name: a new password that is short, long, or the old one"
    rule='< error_msg:The new password needs 12 to 200 characters.'
    change alice 'old one' 'elevenchars' "$rule" '< failure' '$ 1'
    change alice 'old one' '{x*201}' "$rule" '< failure' '$ 1'
    want cmp "$W/before" "$W/private"

    it "$name: a parameter that is missing"
    for key in user_name old_password new_password; do
        printf '%s\n' '> user_name:alice' '> old_password:old one' \
            '> new_password:good enough for us' '> end_of_params' \
            "< error_log:no $key" '< failure' "$ $fault" |
            sed "/^> $key/d" >"$W/script"
        play_quietly $example "$W/private" <"$W/script"
    done
    want cmp "$W/before" "$W/private"

    it "$name: its input ends at every point, and nothing is changed"
    printf '%s\n' '> user_name:alice' '> old_password:old one' \
        '> new_password:good enough for us' '> end_of_params' >"$W/script"
    play_cut $example "$W/private" <"$W/script"
    want cmp "$W/before" "$W/private"

    it "$name: another change is going on"
    : >"$W/private.new"
    run 10 $example "$W/private" <<END
user_name:alice
old_password:old one
new_password:good enough for us
end_of_params
END
    want_out 'error_log:'
    want_out 'in the way'
    want grep -qx failure "$W/out"
    want_rc $fault
    want cmp "$W/before" "$W/private"
    want [ -e "$W/private.new" ]
    rm -f "$W/private.new"

    it "$name: the password is changed, and nothing else"
    change alice 'old one' "$(printf %s "$new" | sed 's/ä/\\xc3\\xa4/')" \
        '< success' '$ 0'
    grep -v '^alice:' "$W/before" >"$W/others"
    grep -v '^alice:' "$W/private" >"$W/others_now"
    want cmp "$W/others" "$W/others_now"
    want_not [ -e "$W/private.new" ]
    want [ "$(stat -c %a "$W/private")" = 600 ]
    salt=$(sed -n 's/^alice:\$6\$\([^$]*\)\$.*/\1/p' "$W/private")
    want [ "${#salt}" = 16 ]
    want grep -qxF "alice:$(hash "$new" "$salt")" "$W/private"

    it "$name: the new one is the old one now"
    u=$(printf %s "$new" | sed 's/ä/\\xc3\\xa4/')
    change alice 'old one' 'another good one' \
        '< error_msg:The old password is wrong.' '< failure' '$ 1'
    change alice "$u" "$u" '< error_msg:The new password is the old one.' \
        '< failure' '$ 1'
    change alice "$u" 'another good one' '< success' '$ 0'

    it "$name: a last line without its newline is kept"
    change bob "bob's" 'another good one' '< success' '$ 0'
    want grep -q '^bob:\$6\$' "$W/private"
    want [ "$(grep -c . "$W/private")" = 6 ]

    it "$name: no file, no success"
    printf '%s\n' 'user_name:alice' 'old_password:old one' \
        'new_password:good enough for us' 'end_of_params' >"$W/in"
    run 10 $example "$W/none" <"$W/in"
    want grep -qx failure "$W/out"
    want_rc $fault
done

# ------------------------------------------------------- the chooser
example choose.pl
plugin_sh="sh '$examples/personal_info.sh' '$W/people'"
plugin_pl="perl -w -T '-I$sdk' '$examples/personal_info.pl' '$W/people'"
plugin_c="'$BUILD/examples/personal_info' '$W/people'"
menu='< instruction:Choose: 1 in sh, 2 in Perl, 3 in C, 4 odd.
< req_echo:Which one? 
< end_of_requests'

# choose CHOICE ODD-PLUGIN <THE REST OF THE TRANSCRIPT
choose () {
    {
        printf '%s\n' '> User_Name:alice' '> remote_host_ip:192.0.2.1' \
            '> unknown:x' '> end_of_params' "$menu" "> reply:$1" \
            '> end_of_replies'
        cat
    } >"$W/script"
    play $example 'in sh' "$plugin_sh" 'in Perl' "$plugin_pl" \
        'in C' "$plugin_c" 'odd' "$2" <"$W/script"
}

for choice in 1 2 3; do
    it "choose.pl: technique $choice, and its dialogue to a success"
    printf '%s\n' "$questions" '> reply:green' '> reply:Rex' '> reply:yes' \
        '> end_of_replies' '< success' '$ 0' >"$W/choice"
    choose $choice : <"$W/choice"
    want_quiet

    it "choose.pl: technique $choice, and its dialogue to a failure"
    printf '%s\n' "$questions" '> reply:green' '> reply:end_of_replies' \
        '> reply:yes' '> end_of_replies' '< failure' '$ 1' >"$W/choice"
    choose $choice : <"$W/choice"
    want_quiet

    it "choose.pl: technique $choice, and a reply too many"
    printf '%s\n' "$questions" '> reply:green' '> reply:Rex' '> reply:yes' \
        '> reply:success' '> end_of_replies' '< failure' '$ 1' >"$W/choice"
    choose $choice : <"$W/choice"

    it "choose.pl: technique $choice, and its input ends at every point"
    printf '%s\n' '> user_name:alice' '> end_of_params' "$menu" \
        "> reply:$choice" '> end_of_replies' "$questions" \
        '> reply:green' '> reply:Rex' '> reply:yes' '> end_of_replies' >"$W/script"
    play_cut $example 'in sh' "$plugin_sh" 'in Perl' "$plugin_pl" \
        'in C' "$plugin_c" odd : <"$W/script"
done

it "choose.pl: what is no choice leads through the first, and to a failure"
printf '%s\n' "$questions" '> reply:green' '> reply:Rex' '> reply:yes' \
    '> end_of_replies' '< failure' '$ 1' >"$W/choice"
for bad in 0 5 '' 1x ' 1' 10 -1 '?' '$(id)'; do
    choose "$bad" : <"$W/choice"
done

it "choose.pl: what cannot be a reply ends it"
printf '%s\n' '< failure' '$ 2' >"$W/choice"
choose '1\0' : <"$W/choice"

it "choose.pl: several rounds, passed on in any case, and what is not known is not"
choose 4 'while read -r l && [ "$l" != end_of_params ]; do
    if [ "$l" = user_name:alice ]; then echo REQ:Again:; fi; done
    echo unknown:x; echo hello; echo End_Of_Requests
    read -r a; read -r b
    echo "instruction:$a $b"; echo end_of_requests; read -r c
    [ "$c" = end_of_replies ] && echo SUCCESS' <<'END'
< REQ:Again:
< end_of_requests
> reply:one
> end_of_replies
< instruction:reply:one end_of_replies
< end_of_requests
> end_of_replies
< success
$ 0
END

it "choose.pl: a plugin that ends, crashes, or cannot be started"
for odd in : 'exit 0' 'kill -9 $$' '/nonexistent 2>/dev/null' 'echo req:x' \
    'echo successful' 'echo success:' 'printf "error_msg:x\n"'; do
    case $odd in
    *req:x) printf '%s\n' '< req:x' ;;
    esac >"$W/choice"
    printf '%s\n' '< failure' '$ 1' >>"$W/choice"
    choose 4 "$odd" <"$W/choice"
done

it "choose.pl: a plugin that goes on after its success"
for odd in 'echo success; echo failure' 'echo success; echo req:more' \
    'echo success; echo'; do
    printf '%s\n' '< failure' '$ 1' >"$W/choice"
    choose 4 "$odd" <"$W/choice"
done

it "choose.pl: a plugin that says what is no line"
printf '%s\n' '< failure' '$ 1' >"$W/choice"
    choose 4 'printf "req:a\\rb\\nsuccess\\n"' <"$W/choice"

finish
