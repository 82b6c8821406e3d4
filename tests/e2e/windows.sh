# The example as a Windows program, under wine, holding a real conversation.
# BUILD-windows is made by ./test --windows.
set -u
exe=$SRC/build-windows/examples/hello.exe
if [ ! -f "$exe" ] || ! command -v wine >/dev/null; then
    if [ "${CI:-false}" = true ]; then
        echo "1..1"
        echo "not ok 1 - build-windows/examples/hello.exe and wine are there"
        exit 1
    fi
    echo "1..0 # SKIP no Windows build: run ./test --windows"
    exit 0
fi
W=$(mktemp -d)
export WINEPREFIX="$W/wine" WINEDEBUG=-all DISPLAY= HOME="$W"
trap 'wineserver -k >/dev/null 2>&1; sleep 1; rm -rf "$W"' EXIT
n=0
check() { # NAME EXPECTED FILE
    n=$((n + 1))
    if grep -qF -- "$2" "$3"; then
        echo "ok $n - $1"
    else
        echo "not ok $n - $1"
        sed 's/^/# /' "$3" "$W/err"
    fi
}
echo "1..5"
timeout 120 wineboot -i >/dev/null 2>&1
timeout 60 "$BUILD/authplug" try putty --name 'Zwölf' \
    --prompt-echo 'One: ' --prompt 'Two: ' --round --round --prompt 'Three: ' \
    -- wine "$exe" 'ten chars.' 'twenty-six with a "quote".' >"$W/out" 2>"$W/err"
echo "rc=$?" >>"$W/out"
# their lengths are the bytes that a pipe in text mode would not leave alone
check "hello.exe answers a prompt by ten characters, a newline on the wire" \
    'answer "ten chars."' "$W/out"
check "and by 26, an end of file there" \
    'answer "twenty-six with a "quote"."' "$W/out"
check "and ends when its input does" 'the plugin has ended' "$W/out"
check "and nothing went wrong" 'rc=0' "$W/out"
timeout 60 "$BUILD/authplug" try putty --prompt a --prompt b \
    -- wine "$exe" one >"$W/out" 2>"$W/err"
check "asked more than it was told, it says so and ends" \
    'the server asks more than I was told' "$W/out"
