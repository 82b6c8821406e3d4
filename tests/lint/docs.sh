#!/bin/sh
# Documents say what is: manual pages, headers, exports, help texts, the
# README and its plugin. SRC and BUILD are the trees.
# shellcheck disable=SC2016 # backquotes in patterns are backquotes
set -u
LC_ALL=C
export LC_ALL
src=${SRC:?} build=${BUILD:?} cc=${CC:-cc}
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
cd "$src" || exit 1

n=0
# result STATUS NAME: the complaints, if any, are in $tmp/why.
result() {
    n=$((n + 1))
    if [ "$1" = 0 ]; then
        echo "ok $n - $2"
    else
        echo "not ok $n - $2"
        sed 's/^/# /' "$tmp/why"
    fi
}
# silent NAME COMMAND...: passes if the command prints nothing.
silent() {
    name=$1
    shift
    "$@" >"$tmp/why" 2>&1
    test ! -s "$tmp/why"
    result $? "$name"
}
# same NAME: passes if $tmp/a and $tmp/b hold the same lines.
same() {
    sort "$tmp/a" >"$tmp/a.sorted"
    sort "$tmp/b" >"$tmp/b.sorted"
    diff "$tmp/a.sorted" "$tmp/b.sorted" >"$tmp/why"
    result $? "$1"
}
skip() {
    n=$((n + 1))
    echo "ok $n - $1 # SKIP $2"
}

# ------------------------------------------------------------ manual pages

for page in man/*.[1-9]; do
    if command -v mandoc >/dev/null; then
        silent "${page#man/} is sound mdoc" mandoc -Tlint -Wwarning "$page"
    else
        skip "${page#man/} is sound mdoc" "mandoc is not installed"
    fi
done

# Words of a page's synopsis, as they are shown. An .Nm alone is what was named
# first to mandoc, and the first word of it to groff, which man(1) uses.
synopsis_shown() {
    sed 's|.\x08||g' | expand | awk '/^[A-Z]/ { inside = /^SYNOPSIS/; next } inside' |
        tr -s ' \n' '\n\n' | grep .
}
shown() {
    for page in man/*.[1-9]; do
        mandoc -Tascii "$page" | synopsis_shown >"$tmp/a"
        groff -mdoc -Tascii -P-c "$page" 2>/dev/null | synopsis_shown >"$tmp/b"
        cmp -s "$tmp/a" "$tmp/b" || {
            echo "$page: mandoc and groff show another synopsis"
            diff "$tmp/a" "$tmp/b"
        }
    done
}
if command -v mandoc >/dev/null && command -v groff >/dev/null; then
    silent "mandoc and man(1) show the same synopses" shown
else
    skip "mandoc and man(1) show the same synopses" \
        "mandoc or groff is not installed"
fi

references() {
    sed -n 's/^\.\(It \)*Xr \(authplug[a-z_-]*\) \([0-9]\).*/\2.\3/p' \
        man/*.[1-9] | sort -u | while read -r page; do
        [ -f "man/$page" ] || echo "no page $page"
    done
}
silent "pages refer to pages that exist" references

# "name: type (arguments)" for each function that a header declares
prototypes() {
    awk '
        # comments, then the preprocessor with its continued lines
        {
            while (commented || index($0, "/*")) {
                if (!commented) {
                    kept = kept substr($0, 1, index($0, "/*") - 1)
                    $0 = substr($0, index($0, "/*") + 2)
                    commented = 1
                }
                if (!index($0, "*/"))
                    break
                $0 = substr($0, index($0, "*/") + 2)
                commented = 0
            }
            if (!commented)
                kept = kept $0
            if (continued || kept ~ /^#/)
                continued = kept ~ /\\$/
            else if (kept !~ /^extern "C"/)
                print kept
            kept = ""
        }' "$1" | awk '
        # bodies of structs and enums are of no interest
        {
            while (match($0, /[{}]/)) {
                before = substr($0, 1, RSTART - 1)
                if (depth == 0)
                    all = all " " before
                depth += substr($0, RSTART, 1) == "{" ? 1 : -1
                if (depth < 0)
                    depth = 0
                $0 = substr($0, RSTART + 1)
            }
            if (depth == 0)
                all = all " " $0
        }
        END {
            count = split(all, parts, ";")
            for (i = 1; i <= count; i++) {
                one = parts[i]
                gsub(/[ \t]+/, " ", one)
                sub(/^ /, "", one)
                if (one ~ /^typedef/ || !match(one, /authplug_[a-z0-9_]*\(/))
                    continue
                type = substr(one, 1, RSTART - 1)
                sub(/ $/, "", type)
                name = substr(one, RSTART, RLENGTH - 1)
                print name ": " type " " substr(one, RSTART + RLENGTH - 1)
            }
        }'
}

# the same from the synopsis of a manual page
synopsis() {
    awk '
    function show() { print name ": " type " (" list ")" }
    /^\.Sh/ { inside = $2 == "SYNOPSIS" }
    !inside { next }
    /^\.Ft / { type = substr($0, 5) }
    /^\.Fn / {
        name = $2
        rest = $0
        list = ""
        while (match(rest, /"[^"]*"/)) {
            list = list (list == "" ? "" : ", ") \
                substr(rest, RSTART + 1, RLENGTH - 2)
            rest = substr(rest, RSTART + RLENGTH)
        }
        show()
    }
    /^\.Fo / { name = $2; list = "" }
    /^\.Fa "/ {
        list = list (list == "" ? "" : ", ") substr($0, 6, length($0) - 6)
    }
    /^\.Fc/ { show() }' "$1"
}

# a page is that of the header in its synopsis; putty.h has two
for header in include/authplug/*.h; do
    name=${header#include/}
    prototypes "$header" >"$tmp/a"
    [ "$name" = authplug/authplug.h ] && continue
    grep -l "^\.In $name\$" man/*.3 2>/dev/null | while read -r page; do
        synopsis "$page"
    done >"$tmp/b"
    same "$name and its manual page declare the same"
    cat "$tmp/a" >>"$tmp/declared"
done

for page in man/*.3; do
    synopsis "$page" | sed 's/:.*//' >"$tmp/a"
    awk '/^\.Sh/ { inside = $2 == "NAME" }
         inside && /^\.Nm/ { print $2 }' "$page" >"$tmp/b"
    same "${page#man/} names its functions"
    sed -n 's/^\.\(It \)*F[no] \(authplug_[a-z0-9_]*\).*/\2/p' "$page" |
        sort -u >"$tmp/b"
    sort -u -o "$tmp/a" "$tmp/a"
    same "${page#man/} tells of all its functions, and of no others"
done

if [ -f "$build/libauthplug.so" ]; then
    sed 's/:.*//' "$tmp/declared" >"$tmp/a"
    nm -D --defined-only "$build/libauthplug.so" |
        sed -n 's/.* T \(authplug_[a-z0-9_]*\).*/\1/p' >"$tmp/b"
    same "libauthplug.so exports what the headers declare"
else
    skip "libauthplug.so exports what the headers declare" "it is not built"
fi

sed -n 's/^    X(\([A-Z_]*\), *"\(.*\)").*/\1 \2/p' include/authplug/base.h \
    >"$tmp/a"
awk '/^\.It Dv AUTHPLUG_/ {
        name = substr($3, 10)
        getline
        print name, $0
    }' man/authplug.3 >"$tmp/b"
same "authplug(3) lists the statuses and their texts"

sed -n 's/^    X(\([A-Z_]*\), \([0-9]*\)).*/PLUGIN_\1 \2/p' \
    include/authplug/putty.h >"$tmp/a"
sed -n 's/^\.It \(PLUGIN_[A-Z_]*\) Ta \([0-9]*\) Ta.*/\1 \2/p' \
    man/authplug-putty.7 >"$tmp/b"
same "authplug-putty(7) lists the messages and their numbers"

# ----------------------------------------------------------------- options

long_options() { grep -oE -e '--[a-z][a-z-]*' | sort -u | grep -vx -e --help; }

# The options are those of a command that people type.
completes() {
    long_options <"$tmp/help" | while read -r option; do
        grep -q -e "$option" cli/completion.bash || echo "lacks $option"
    done >"$tmp/why"
    test ! -s "$tmp/why"
    result $? "completion.bash has those of $page"
}

# options PAGE COMMAND...
options() {
    page=$1
    shift
    "$@" --help >"$tmp/help" 2>&1
    long_options <"$tmp/help" >"$tmp/a"
    sed -n 's/^\.It Fl \([a-z] , \)*-\([a-z-]*\).*/--\2/p' "man/$page" |
        long_options >"$tmp/b"
    same "$page has the options of the help text"
    [ "$page" = "${page%.1}" ] || completes
    sed -n 's/^More: man //p' "$tmp/help" >"$tmp/more"
    [ "$(cat "$tmp/more").${page##*.}" = "$page" ]
    status=$?
    echo "it says: $(cat "$tmp/more")" >"$tmp/why"
    result $status "the help text points at $page"
}

options ssh-passwd-plugin.8 \
    "$build/plugins/ssh-passwd-plugin/ssh-passwd-plugin"
options authplug-answer.1 "$build/authplug" answer
options authplug-askpass.1 "$build/authplug" askpass
options authplug-config.1 "$build/authplug" config
grep -oE '\{"[A-Za-z]+", [a-z_]+, (true|false), (true|false)\}' \
    client/settings.c |
    cut -d'"' -f2 >"$tmp/a"
sed -n 's/^\.It Cm \([A-Z][A-Za-z]*\).*/\1/p' man/authplug-config.5 >"$tmp/b"
same "authplug-config(5) has the keywords of the file"
options authplug-try.1 "$build/authplug" try
sed -n 's/^    {"\([a-z-]*\)", .*_argument.*/--\1/p' cli/try_*.c |
    sort -u | grep -vx -e --help >"$tmp/a"
"$build/authplug" try --help | long_options >"$tmp/b"
same "authplug try takes the options of its help text"
if [ -x "$build/authplug-passwd" ]; then
    options authplug-passwd.1 "$build/authplug" passwd
else
    skip "authplug-passwd.1 has the options of the help text" "it is not built"
fi
if [ -x "$build/authplug-ssh" ]; then
    options authplug-ssh.1 "$build/authplug" ssh
    options authplug-connect.1 "$build/authplug" connect
else
    skip "authplug-ssh.1 has the options of the help text" "it is not built"
fi
if [ -x "$build/authplug-serve" ]; then
    options authplug-serve.1 "$build/authplug" serve
    sed -n 's/^    \[[A-Z_]*\] = {"\([A-Za-z.]*\)".*/\1/p' \
        server/serve_config.c >"$tmp/a"
    sed -n 's/^\.It Cm \([A-Z][A-Za-z.]*\).*/\1/p' man/authplug-serve.1 >"$tmp/b"
    same "authplug-serve(1) has the keywords of the configuration"
else
    skip "authplug-serve.1 has the options of the help text" "it is not built"
fi

"$build/authplug" --help |
    sed -n 's/^  \([a-z][a-z-]*\)  *.*/\1/p' >"$tmp/a"
sed -n 's/^\.It Nm Cm \([a-z-]*\).*/\1/p' man/authplug.1 >"$tmp/b"
same "authplug(1) lists the commands"

# --------------------------------------------------------------- documents

links() {
    for page in *.md docs/*.md */README.md; do
        dir=$(dirname "$page")
        # links, and words in backquotes that look like paths
        {
            grep -oE '\]\([^)]*\)' "$page" | sed 's/^](//; s/)$//'
            sed '/^```/,/^```/d' "$page" |
                grep -oE '`(lib|io|sdk|client|cli|examples|tests|fuzz|man|docs|include)/[^` ]*`' |
                tr -d '`' | sed "s|^|$src/|"
        } | grep -v '[*]' | while read -r path; do
            case $path in
            http*) ;;
            /*) [ -e "$path" ] || echo "$page: $path" ;;
            *) [ -e "$dir/${path%%#*}" ] || echo "$page: $path" ;;
            esac
        done
    done
}
silent "files that documents name exist" links

functions() {
    grep -oE '`[a-z_]+\(\)`' docs/architecture.md | tr -d '`()' | sort -u |
        while read -r name; do
            grep -qE "^$name\(" lib/*.c io/posix/*.c sdk/*.c client/*.c \
                server/*.c conf/*.c plugins/*/*.c cli/*.c examples/*.c \
                examples/tectia/*.c ||
                echo "there is no $name()"
        done
}
silent "functions that docs/architecture.md names exist" functions

for room in lib io conf sdk client server plugins cli tests fuzz bench man \
    examples; do
    [ -f "$room/README.md" ] || echo "$room has none"
done >"$tmp/why"
test ! -s "$tmp/why"
result $? "each room has a README"

# ------------------------------------------------------- the README's plugin

sed -n '/^```c$/,/^```$/p' README.md | sed '/^```/d' >"$tmp/mine.c"
$cc -std=c11 -Wall -Wextra -Werror -Iinclude -c -o "$tmp/mine.o" \
    "$tmp/mine.c" >"$tmp/why" 2>&1
result $? "the README's plugin compiles without a warning"

sed -n '/^#include/,/^\.Ed/p' man/authplug_plugin_run.3 |
    sed '/^\.Ed/d' >"$tmp/page.c"
$cc -std=c11 -Wall -Wextra -Werror -Iinclude -fsyntax-only "$tmp/page.c" \
    >"$tmp/why" 2>&1
result $? "authplug_plugin_run(3)'s plugin compiles without a warning"

# plugin_answers NAME LIBRARY: links it, and lets it answer
plugin_answers() {
    flags=
    if nm -D "$build/libauthplug.so" 2>/dev/null | grep -q __asan_init; then
        flags=-fsanitize=address,undefined
    fi
    # shellcheck disable=SC2086
    $cc $flags -o "$tmp/mine" "$tmp/mine.o" "$2" >"$tmp/why" 2>&1 &&
        LD_LIBRARY_PATH=$build "$build/authplug" try putty --batch \
            --prompt 'Code: ' -- "$tmp/mine" >"$tmp/why" 2>&1 &&
        grep -q '^    answer "123456"$' "$tmp/why"
    result $? "$1"
}
for library in so a; do
    name="it answers, with libauthplug.$library"
    if [ -f "$build/libauthplug.$library" ]; then
        plugin_answers "$name" "$build/libauthplug.$library"
    else
        skip "$name" "it is not built"
    fi
done

echo "1..$n"
