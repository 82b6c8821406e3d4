# Completion for authplug, authplug-passwd and authplug-ssh in bash. Source it, or install it
# as authplug where bash-completion looks for completions.

# Hosts: those that bash-completion knows, else those of ~/.ssh/config.
_authplug_hosts() {
    local user=
    if declare -F _known_hosts_real >/dev/null; then
        _known_hosts_real -a -- "$1"
        return
    fi
    [[ $1 == *@* ]] && user=${1%%@*}@
    [[ -r ~/.ssh/config ]] || return
    COMPREPLY=($(compgen -P "$user" -W "$(awk '
        tolower($1) == "host" {
            for (i = 2; i <= NF; i++)
                if ($i !~ /[*?!]/)
                    print $i
        }' ~/.ssh/config)" -- "${1#"$user"}"))
}

# The value of the option before the cursor; false if it takes none.
_authplug_value() {
    local cur=$2
    case $1 in
    --plugin)
        COMPREPLY=($(compgen -c -- "$cur") $(compgen -f -- "$cur")) ;;
    --outcome)
        COMPREPLY=($(compgen -W 'success failure none' -- "$cur")) ;;
    --method)
        COMPREPLY=($(compgen -W 'keyboard-interactive' -- "$cur")) ;;
    --host)
        _authplug_hosts "$cur" ;;
    --user|-l)
        COMPREPLY=($(compgen -u -- "$cur")) ;;
    -F|-i|-I|-E|-S|--config)
        compopt -o filenames
        COMPREPLY=($(compgen -f -- "$cur")) ;;
    --passwd-path)
        COMPREPLY=($(compgen -c -- "$cur") $(compgen -f -- "$cur")) ;;
    --maxdays)
        COMPREPLY=($(compgen -W 'never 30 90 365' -- "$cur")) ;;
    --timeout|--port|--prompt|--prompt-echo|--name|--instruction|--language)
        ;;
    --host-name|--host-ip|--client-name|--client-ip|--remote-user|--param)
        ;;
    --reply|--debug-level|--listen)
        ;;
    -[bcDeJLmOopQRWw]) ;;
    *) return 1 ;;
    esac
    return 0
}

# Whether the words after the nth already name a command after "--".
_authplug_after_dashes() {
    local i
    for ((i = $1; i < COMP_CWORD; i++)); do
        [[ ${COMP_WORDS[i]} == -- ]] && return 0
    done
    return 1
}

_authplug_ssh_words() {
    local cur=$1 previous=$2
    _authplug_value "$previous" "$cur" && return
    if [[ $cur == -* ]]; then
        COMPREPLY=($(compgen -W '--plugin --batch --timeout --help --version
            -1 -2 -4 -6 -a -f -g -k -n -q -s -t -v -x -A -C -G -K -M -N -T -V
            -X -Y -y -b -c -e -i -l -m -o -p -B -D -E -F -I -J -L -O -Q -R -S
            -W -w' -- "$cur"))
    else
        _authplug_hosts "$cur"
    fi
}

_authplug_askpass_words() {
    local cur=$1 previous=$2
    if _authplug_after_dashes 2; then
        compopt -o filenames
        COMPREPLY=($(compgen -c -- "$cur") $(compgen -f -- "$cur"))
    elif _authplug_value "$previous" "$cur"; then
        return
    else
        COMPREPLY=($(compgen -W '--plugin --batch --timeout -v --help
            --version --' -- "$cur"))
    fi
}

_authplug_connect_words() {
    local cur=$1 previous=$2
    _authplug_value "$previous" "$cur" && return
    if [[ $cur == -* ]]; then
        COMPREPLY=($(compgen -W '--plugin --batch --timeout --foreground
            --if-needed --quiet --help --version -4 -6 -A -C -D -F -J -L -R -S
            -c -i -l -m -o -p -q -v' -- "$cur"))
    else
        _authplug_hosts "$cur"
    fi
}

_authplug_passwd_words() {
    local cur=$1 previous=$2
    _authplug_value "$previous" "$cur" && return
    if [[ $cur == -* ]]; then
        COMPREPLY=($(compgen -W '--create --reset --expire --maxdays --help
            --version' -- "$cur"))
    else
        compopt -o filenames
        COMPREPLY=($(compgen -f -- "$cur"))
    fi
}

_authplug_serve_words() {
    local cur=$1 previous=$2
    _authplug_value "$previous" "$cur" && return
    COMPREPLY=($(compgen -W '--config --port --listen --allow-root --help
        --version' -- "$cur"))
}

_authplug_answer_words() {
    local cur=$1 previous=$2
    if _authplug_value "$previous" "$cur"; then
        return
    fi
    if [[ ${COMP_WORDS[2]} == init && $COMP_CWORD -gt 2 ]]; then
        compopt -o filenames
        COMPREPLY=($(compgen -W '--config' -- "$cur") $(compgen -f -- "$cur"))
        return
    fi
    COMPREPLY=($(compgen -W 'init --config --batch --timeout --check --explain
        --forget --host --port --user --prompt --echo --instruction --help --version' \
        -- "$cur"))
}

_authplug_config_words() {
    local cur=$1 previous=$2
    _authplug_value "$previous" "$cur" && return
    if [[ $cur == -* ]]; then
        COMPREPLY=($(compgen -W '-F -l -p --help --version' -- "$cur"))
    else
        _authplug_hosts "$cur"
    fi
}

_authplug_try_words() {
    local cur=$1 previous=$2
    if ((COMP_CWORD == 2)); then
        COMPREPLY=($(compgen -W 'putty kbdint passwd authorize --help' \
            -- "$cur"))
    elif _authplug_after_dashes 3; then
        compopt -o filenames
        COMPREPLY=($(compgen -c -- "$cur") $(compgen -f -- "$cur"))
    elif _authplug_value "$previous" "$cur"; then
        return
    elif [[ ${COMP_WORDS[2]} == putty ]]; then
        COMPREPLY=($(compgen -W '--host --port --user --method --prompt
            --prompt-echo --name --instruction --language --round --outcome
            --timeout --batch --help --' -- "$cur"))
    else
        COMPREPLY=($(compgen -W '--user --host-name --host-ip --client-name
            --client-ip --remote-user --param --reply --passwd-path
            --debug-level --shell --timeout --batch --help --' -- "$cur"))
    fi
}

_authplug() {
    local cur=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
    COMPREPLY=()
    if [[ ${1##*/} == authplug-ssh ]]; then
        _authplug_ssh_words "$cur" "$previous"
    elif [[ ${1##*/} == authplug-passwd ]]; then
        _authplug_passwd_words "$cur" "$previous"
    elif [[ ${1##*/} == authplug-serve ]]; then
        _authplug_serve_words "$cur" "$previous"
    elif ((COMP_CWORD == 1)); then
        COMPREPLY=($(compgen -W 'answer askpass config connect no-connection passwd serve
            ssh try --help --version' -- "$cur"))
    elif [[ ${COMP_WORDS[1]} == answer ]]; then
        _authplug_answer_words "$cur" "$previous"
    elif [[ ${COMP_WORDS[1]} == askpass ]]; then
        _authplug_askpass_words "$cur" "$previous"
    elif [[ ${COMP_WORDS[1]} == config ]]; then
        _authplug_config_words "$cur" "$previous"
    elif [[ ${COMP_WORDS[1]} == connect ]]; then
        _authplug_connect_words "$cur" "$previous"
    elif [[ ${COMP_WORDS[1]} == passwd ]]; then
        _authplug_passwd_words "$cur" "$previous"
    elif [[ ${COMP_WORDS[1]} == ssh ]]; then
        _authplug_ssh_words "$cur" "$previous"
    elif [[ ${COMP_WORDS[1]} == serve ]]; then
        _authplug_serve_words "$cur" "$previous"
    elif [[ ${COMP_WORDS[1]} == try ]]; then
        _authplug_try_words "$cur" "$previous"
    fi
}

complete -F _authplug authplug authplug-passwd authplug-serve authplug-ssh
