#!/bin/sh
# The rules that come with ssh-passwd-plugin, held against what the programs
# really say: each transcript comes to the verdict of tests/transcripts/README.md.
# shellcheck disable=SC2154 # lib.sh sets them
. "${0%/*}/lib.sh"
plugin=$BUILD/plugins/ssh-passwd-plugin/ssh-passwd-plugin
need_built plugins/ssh-passwd-plugin/ssh-passwd-plugin
rules=$SRC/plugins/ssh-passwd-plugin/rules
transcripts=$SRC/tests/transcripts

# the plugin believes no file that others may write
mkdir "$W/rules"
cp "$rules"/* "$W/rules"

for file in "$W/rules"/*; do
    it "the rules ${file##*/} are sound"
    run 20 "$plugin" --config "$file" --check
    want_rc 0
done

# transcript|verdict|text
sed -n 's/^| \([a-z]*-[a-z-]*\) |.*| \([a-z]*\) | \(.*\) |$/\1|\2|\3/p' \
    "$transcripts/README.md" >"$W/verdicts"

it "each transcript is in the table, and the table has no other"
sed 's/|.*//' "$W/verdicts" | sort >"$W/a"
for file in "$transcripts"/*-*; do
    echo "${file##*/}"
done | sort >"$W/b"
want cmp "$W/a" "$W/b"

while IFS='|' read -r name verdict text; do
    case $verdict in
    success) last=success status=0 ;;
    shown) last="failure; the user is told: $text" status=1 ;;
    logged) last="failure; the log is told: $text" status=1 ;;
    *) last="no verdict: $verdict" status=1 ;;
    esac
    it "$name comes to: $verdict"
    run 20 "$plugin" --config "$W/rules/${name%%-*}" \
        --dry-run "$transcripts/$name"
    want_rc $status
    [ "$(tail -n 1 "$W/out")" = "$last" ] || wrong "the last line is not: $last"
done <"$W/verdicts"

finish
