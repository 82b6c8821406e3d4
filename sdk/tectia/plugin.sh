# plugin.sh - helper functions for Tectia server plugins in POSIX sh.
#
#     . /path/to/plugin.sh
#     ssh_plugin_params || { ssh_plugin_failure; exit 2; }
#     user=$(ssh_plugin_get user_name)
#
# Values come from whoever tries to log in: quote them always, and never let
# them into eval, a pattern or the arguments of a command.
# shellcheck shell=sh disable=SC2034

LC_ALL=C                # lengths are bytes, A-Z is what it says
export LC_ALL
ssh_plugin_nl='
'
ssh_plugin_cr=$(printf '\r')
ssh_plugin_line_max=65536   # bytes in a line
ssh_plugin_lines_max=256    # lines in a list, its end included
ssh_plugin_rest=            # what was read and not yet used
ssh_plugin_list=            # the last list: lines of key:value
ssh_plugin_fault=           # set for good once the server's words made no sense

# Sets ssh_plugin_line; fails at the end of input. A shell's own read has no
# limit and drops NULs unseen, so dd reads what is there, and a NUL becomes a
# CR, which is refused as well. In pieces, because shells look for a newline in
# a time that grows with the square of the length.
ssh_plugin_next_line () {
    ssh_plugin_line=
    until case $ssh_plugin_rest in *"$ssh_plugin_nl"*) ;; *) false ;; esac; do
        ssh_plugin_line=$ssh_plugin_line$ssh_plugin_rest
        [ "${#ssh_plugin_line}" -le "$ssh_plugin_line_max" ] || return 1
        ssh_plugin_rest=$(dd bs=2048 count=1 2>/dev/null | tr '\000' '\r'
            printf .)
        ssh_plugin_rest=${ssh_plugin_rest%.}
        [ -n "$ssh_plugin_rest" ] || return 1
    done
    ssh_plugin_line=$ssh_plugin_line${ssh_plugin_rest%%"$ssh_plugin_nl"*}
    ssh_plugin_rest=${ssh_plugin_rest#*"$ssh_plugin_nl"}
    [ "${#ssh_plugin_line}" -le "$ssh_plugin_line_max" ] || return 1
    case $ssh_plugin_line in *"$ssh_plugin_cr"*) return 1 ;; esac
}

# ssh_plugin_recv WORDS - reads a list up to the line end_of_WORDS (lower case
# here). Fails when the end is missing; the plugin must then fail. Lines that
# are no pairs are passed over.
ssh_plugin_recv () {
    ssh_plugin_list='' ssh_plugin_count=0
    while [ -z "$ssh_plugin_fault" ] && ssh_plugin_next_line; do
        ssh_plugin_count=$((ssh_plugin_count + 1))
        [ "$ssh_plugin_count" -le "$ssh_plugin_lines_max" ] || break
        ssh_plugin_key=${ssh_plugin_line%%:*}
        case $ssh_plugin_key in *[A-Z]*)
            ssh_plugin_key=$(printf %s "$ssh_plugin_key" |
                tr '[:upper:]' '[:lower:]') ;;
        esac
        case $ssh_plugin_line in
        *:*) ;;
        *)  [ "$ssh_plugin_key" != "end_of_$1" ] || return 0
            continue ;;
        esac
        case $ssh_plugin_key in ''|*[!a-z0-9_]*) continue ;; esac
        ssh_plugin_line=$ssh_plugin_key:${ssh_plugin_line#*:}
        ssh_plugin_list=$ssh_plugin_list$ssh_plugin_line$ssh_plugin_nl
    done
    ssh_plugin_list='' ssh_plugin_fault=yes
    return 1
}

# Reads the list that every conversation begins with.
ssh_plugin_params () {
    ssh_plugin_recv params
}

# ssh_plugin_get KEY [N] - prints a value of the last list: the nth of that
# key, or the last. Fails when there is none.
ssh_plugin_get () (
    set -f
    IFS=$ssh_plugin_nl
    n=0 found=''
    for line in $ssh_plugin_list; do
        case $line in "$1":*) n=$((n + 1)) ;; *) continue ;; esac
        [ "$n" != "${2:-$n}" ] || found=yes value=${line#*:}
    done
    [ -n "$found" ] && printf '%s\n' "$value"
)

# ssh_plugin_send WORD, ssh_plugin_send KEY VALUE - says it. Fails, and says
# nothing, where the value would be more than one line.
ssh_plugin_send () {
    case $1 in ''|*[!A-Za-z0-9_]*) return 1 ;; esac
    case ${2-} in *"$ssh_plugin_nl"*|*"$ssh_plugin_cr"*) return 1 ;; esac
    set -- "$1${2+:$2}"
    [ "${#1}" -le "$ssh_plugin_line_max" ] || return 1
    printf '%s\n' "$1"
}

# ssh_plugin_ask INSTRUCTION [req|req_echo PROMPT]... - asks the user, and reads
# the replies: ssh_plugin_get reply 1 and so on. Fails unless there is exactly
# one for each prompt. req_echo shows what is typed.
ssh_plugin_ask () {
    ssh_plugin_asked=$((($# - 1) / 2))
    ssh_plugin_ask_and_wait "$@" && return
    ssh_plugin_list='' ssh_plugin_fault=yes
    return 1
}

ssh_plugin_ask_and_wait () {
    [ -z "$1" ] || ssh_plugin_send instruction "$1" || return 1
    shift
    while [ $# -gt 1 ]; do
        ssh_plugin_send "$1" "$2" || return 1
        shift 2
    done
    ssh_plugin_send end_of_requests && ssh_plugin_recv replies || return 1
    [ "$ssh_plugin_asked" = 0 ] ||
        ssh_plugin_get reply "$ssh_plugin_asked" >/dev/null || return 1
    ! ssh_plugin_get reply $((ssh_plugin_asked + 1)) >/dev/null
}

# The verdict. After a fault it is failure, even in a plugin that did not look.
ssh_plugin_success () {
    [ -z "$ssh_plugin_fault" ] || { ssh_plugin_failure; return 1; }
    ssh_plugin_send success
}

ssh_plugin_failure () {
    ssh_plugin_send failure
}
