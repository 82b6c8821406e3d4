#!/bin/sh
# The code keeps the house's rules: headers stand alone, lib/ needs nothing,
# includes go one way. SRC and BUILD are the trees.
set -u
LC_ALL=C.UTF-8
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
# passes NAME COMMAND...: by the exit status.
passes() {
    name=$1
    shift
    "$@" >"$tmp/why" 2>&1
    result $? "$name"
}
# silent NAME COMMAND...: passes if the command prints nothing.
silent() {
    name=$1
    shift
    "$@" >"$tmp/why" 2>&1
    test ! -s "$tmp/why"
    result $? "$name"
}
skip() {
    n=$((n + 1))
    echo "ok $n - $1 # SKIP $2"
}

# Sources of rooms; those that do not exist yet have none.
sources() {
    for room; do
        find "$room" -name '*.[ch]'
    done | sort
}

# ----------------------------------------------------------------- headers

for header in include/authplug/*.h; do
    name=${header#include/}
    passes "$name compiles alone as C11" $cc -std=c11 -fsyntax-only -Wall \
        -Wextra -Wpedantic -Werror -Iinclude -x c "$header"
    if command -v g++ >/dev/null; then
        passes "$name compiles alone as C++" g++ -std=c++11 -fsyntax-only \
            -Wall -Wextra -Werror -Iinclude -x c++ "$header"
    else
        skip "$name compiles alone as C++" "g++ is not installed"
    fi
done

# -------------------------------------------------------------------- lib/

mkdir "$tmp/lib"
passes "lib/ compiles with nothing but its headers" sh -c \
    'cd "$1" && "$2" -std=c11 -c "$3"/lib/*.c -I"$3/include"' - \
    "$tmp/lib" "$cc" "$src"

needs() {
    nm "$tmp"/lib/*.o | sed -n 's/.* [A-TV-Z] \(.*\)/\1/p' |
        sort -u >"$tmp/has"
    nm -u "$tmp"/lib/*.o | sed -n 's/.* U \(.*\)/\1/p' | sort -u |
        grep -vxF -f "$tmp/has" | grep -vxE \
        'mem[a-z]+|str[a-z]+|explicit_bzero|bcmp|malloc|calloc|free|__assert_fail|__stack_chk_fail|_GLOBAL_OFFSET_TABLE_|__(mem|str)[a-z]+_chk'
}
silent "lib/ needs memory, strings, the allocator and assert" needs

exports() {
    nm -D --defined-only "$build/libauthplug.so" |
        grep -v ' A AUTHPLUG_[0-9]*$' | grep -v ' T authplug_[a-z0-9_]*'
    nm -D --defined-only "$build/libauthplug.so" | grep -q ' T authplug_' ||
        echo "it exports nothing"
}
if [ -f "$build/libauthplug.so" ]; then
    silent "libauthplug.so exports authplug_* and nothing else" exports
else
    skip "libauthplug.so exports authplug_* and nothing else" "it is not built"
fi

# ------------------------------------------------------------------ arrows

# includes ROOM PATTERN: includes of the room in quotes that do not match.
# "name.h" without a folder is the room's own.
includes() {
    # shellcheck disable=SC2046
    grep -nE '^ *# *include *"[^"]*/' $(sources "$1") /dev/null |
        grep -vE "\"($2)/"
}
silent "lib/ includes no other room" includes lib 'lib'
silent "io/ includes lib/ at most" includes io 'io'
silent "conf/ includes lib/ at most" includes conf 'conf'
silent "sdk/ includes io/ and conf/ at most" includes sdk 'sdk|io|conf'
silent "client/ includes sdk/, io/ and conf/ at most" \
    includes client 'client|sdk|io|conf'
silent "server/ includes sdk/, io/ and conf/ at most" \
    includes server 'server|sdk|io|conf'
silent "plugins/ include no command" \
    includes plugins 'plugins|client|server|sdk|io|conf'
silent "include/ includes its own" includes include 'authplug'

upwards() {
    # shellcheck disable=SC2046
    grep -nE '# *include *<authplug/(authplug|plugin|putty_host|tectia_host|tectia_run)\.h>' \
        $(sources lib io conf)
}
silent "lib/, io/ and conf/ do not include what sdk/ offers" upwards

strangers() {
    # shellcheck disable=SC2046
    grep -nE '# *include *<(libssh|security)/' \
        $(sources lib io conf sdk plugins cli include examples)
}
silent "libssh and PAM are in client/ and server/ only" strangers

standard() {
    # shellcheck disable=SC2046
    grep -nE '# *include *<' $(sources include) |
        grep -vE '<(authplug/[a-z_]+|stdbool|stddef|stdint)\.h>'
}
silent "installed headers include the C library's smallest only" standard

# ------------------------------------------------------------------- style

rooms="lib io conf sdk client server plugins cli examples include"

# shellcheck disable=SC2086
banned() {
    for file in $(sources $rooms fuzz); do
        # without comments and strings
        sed -e 's|"\([^"\\]\|\\.\)*"||g' -e 's|/\*.*\*/||' "$file" |
            grep -nE '(^|[^A-Za-z0-9_])(strcpy|strncpy|strcat|sprintf|vsprintf|gets|strtok|atoi|atol|system) *\(' |
            sed "s|^|$file:|"
    done
}
silent "no banned functions" banned

# shellcheck disable=SC2046,SC2086
long_functions() {
    awk '
        FNR == 1 { inside = 0 }
        /^[A-Za-z_].*\(/ { if (!inside) name = $0 }
        /^\{/ { inside = 1; start = FNR }
        /^\}/ && inside {
            if (FNR - start + 1 > 80)
                print FILENAME ":" start ": " FNR - start + 1 " lines: " name
            inside = 0
        }' $(sources $rooms)
}
silent "no function is longer than 80 lines" long_functions

# shellcheck disable=SC2046,SC2086
tabs() { grep -nE "$(printf '\t')" $(sources $rooms tests fuzz bench); }
silent "no tabs" tabs

# shellcheck disable=SC2046,SC2086
wide() { grep -nE '^.{81,}' $(sources $rooms); }
silent "no line is wider than 80 columns" wide

# shellcheck disable=SC2046,SC2086
ragged() { grep -nE ' +$' $(sources $rooms tests fuzz bench); }
silent "no blanks at the end of a line" ragged

echo "1..$n"
