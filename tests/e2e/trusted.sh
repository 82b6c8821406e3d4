# trusted.sh - a TMPDIR that only root or this user can write; sourced first.
#
# pam_authplug runs no plugin that others could replace, so plugins cannot be
# below /tmp. Root gets a private directory that nobody else sees, others one
# of their own.

# trusted DIRECTORY - it and all above belong to root or us, and are only ours
# to write.
trusted () {
    place=$(cd "$1" 2>/dev/null && pwd -P) || return 1
    while :; do
        [ -z "$(find "$place" -maxdepth 0 \( -perm -0020 -o -perm -0002 -o \
            ! \( -user root -o -user "$(id -un)" \) \))" ] || return 1
        [ "$place" != / ] || return 0
        place=$(dirname "$place")
    done
}

if ! trusted "${TMPDIR:-/tmp}"; then
    if [ "$(id -u)" = 0 ] && unshare -m mount -t tmpfs none /mnt 2>/dev/null
    then
        export SRC BUILD
        # shellcheck disable=SC2093 # the script begins anew
        # sshd and su write to the log of logins
        exec unshare -m sh -c 'mount -t tmpfs -o mode=755 none /mnt &&
            mount -t tmpfs none /var/log && TMPDIR=/mnt exec sh "$@"' \
            sh "$0" "$@"
    fi
    for place in "${XDG_RUNTIME_DIR:-}" "$HOME" "$BUILD"; do
        if [ -n "$place" ] && trusted "$place"; then
            TMPDIR=$place
            break
        fi
    done
    export TMPDIR
fi
