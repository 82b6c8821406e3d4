# sshd.sh - a real sshd on loopback whose PAM stack is our own, without touching
# the machine's configuration: confdir_shim gives it a private pam.d, in which
# pam_matrix looks passwords up in a file. Only the user who runs the tests can
# log in, with a password made for this run, to a home without files, so that no
# shell says or does anything of its own. Sourced after lib.sh.
#
#     sshd_start NAME [CONFIG LINE]...
#
# writes $W/NAME/port, $W/NAME/log, adds the host NAME to $W/hosts and its keys
# to $W/known_hosts. $password and $second are the right answers.

modules=
for d in /usr/lib/*/pam_wrapper /usr/lib/pam_wrapper; do
    [ ! -e "$d/pam_matrix.so" ] || modules=$d
done
[ -n "$modules" ] || skip_all "pam_matrix.so (Debian: libpam-wrapper)"
need_built tests/confdir_shim.so
[ -x /usr/sbin/sshd ] || skip_all "/usr/sbin/sshd (Debian: openssh-server)"

# not ASCII alone: what is sent must arrive byte by byte
random () { od -An -N8 -tx1 /dev/urandom | tr -d ' \n'; }
password="pässwörd $(random)"
second="second-$(random)"

host_keys () {
    [ ! -e "$W/ed25519" ] || return 0
    ssh-keygen -q -t ed25519 -N '' -C '' -f "$W/ed25519"
    ssh-keygen -q -t ecdsa -N '' -C '' -f "$W/ecdsa"
    ssh-keygen -q -t rsa -b 2048 -N '' -C '' -f "$W/rsa"
}

# One service for one password, one that asks for two in one conversation.
pam_services () {
    [ ! -d "$W/pam.d" ] || return 0
    mkdir "$W/pam.d" "$W/sbin"
    printf '%s:%s:%s\n' "$me" "$password" sshd-one "$me" "$password" sshd-two \
        >"$W/passdb"
    printf '%s:%s:%s\n' "$me" "$second" sshd-two >"$W/passdb2"
    for s in sshd-one other; do
        cat >"$W/pam.d/$s" <<END
auth required $modules/pam_matrix.so passdb=$W/passdb
account required $modules/pam_matrix.so passdb=$W/passdb
password required $modules/pam_matrix.so passdb=$W/passdb
session required pam_permit.so
END
    done
    cat >"$W/pam.d/sshd-two" <<END
auth required $modules/pam_matrix.so passdb=$W/passdb
auth required $modules/pam_matrix.so passdb=$W/passdb2 echo
account required pam_permit.so
password required pam_permit.so
session required pam_permit.so
END
    ln -s /usr/sbin/sshd "$W/sbin/sshd-one"
    ln -s /usr/sbin/sshd "$W/sbin/sshd-two"
}

# A user's key pair that is authorized everywhere: $W/user_key.
user_key () {
    [ ! -e "$W/user_key" ] || return 0
    ssh-keygen -q -t ed25519 -N '' -C user -f "$W/user_key"
    cp "$W/user_key.pub" "$W/authorized_keys"
}

# Starts it in the foreground: root's sshd wants /run/sshd, which exists on a
# machine that runs one and is otherwise made for ours alone.
sshd_exec () {
    service=$1 config=$2
    set -- env LD_PRELOAD="$BUILD/tests/confdir_shim.so ${preload:-}" \
        CONFDIR_SHIM="$W/pam.d" \
        "$W/sbin/$service" -D -e -f "$config"
    if [ -d /run/sshd ]; then
        exec "$@"
    fi
    if [ "$(id -u)" = 0 ] && unshare -m true 2>/dev/null; then
        exec unshare -m sh -c 'mount -t tmpfs -o mode=755 none /run &&
            mkdir -m 755 /run/sshd && exec "$@"' sh "$@"
    fi
    [ "$(id -u)" != 0 ] || [ -d /run/sshd ] || mkdir -m 755 /run/sshd
    exec "$@"
}

# sshd_start NAME [CONFIG LINE]... - "service=sshd-two" takes the other stack,
# "listen=::1" another address, "keys=TYPE,TYPE" other host keys than ed25519,
# "client=LINE" is for the client's configuration.
sshd_start () {
    name=$1
    shift
    service=sshd-one listen=127.0.0.1 keys=ed25519 client=''
    host_keys
    pam_services
    user_key
    mkdir "$W/$name"
    : >"$W/$name/lines"
    for line in "$@"; do
        case $line in
        service=*) service=${line#*=} ;;
        listen=*) listen=${line#*=} ;;
        keys=*) keys=${line#*=} ;;
        client=*) client=${line#*=} ;;
        *) echo "$line" >>"$W/$name/lines" ;;
        esac
    done
    {
        cat "$W/$name/lines"
        for key in $(echo "$keys" | tr , ' '); do echo "HostKey $W/$key"; done
        cat <<END
ListenAddress $listen
UsePAM yes
KbdInteractiveAuthentication yes
PasswordAuthentication no
PubkeyAuthentication no
AuthorizedKeysFile $W/authorized_keys
PermitRootLogin yes
SetEnv HOME=$W/home
AllowUsers $me
StrictModes no
UseDNS no
PidFile none
PrintMotd no
PrintLastLog no
LoginGraceTime 30
MaxAuthTries 20
Subsystem sftp internal-sftp
LogLevel VERBOSE
END
    } >"$W/$name/config"
    # another may take the port in between: try again
    for attempt in 1 2 3; do
        sshd_port=$(free_port)
        { cat "$W/$name/config"; echo "Port $sshd_port"; } >"$W/$name/conf"
        : >"$W/$name/log" # it is looked into before sshd may have opened it
        (sshd_exec "$service" "$W/$name/conf") >"$W/$name/log" 2>&1 &
        sshd_pid=$!
        n=0
        while [ "$n" -lt 250 ] && kill -0 "$sshd_pid" 2>/dev/null &&
            ! grep -q '^Server listening' "$W/$name/log"; do
            n=$((n + 1))
            sleep 0.02
        done
        ! grep -q '^Server listening' "$W/$name/log" || break
        [ "$attempt" -lt 3 ] || {
            echo "Bail out! sshd does not start"
            note <"$W/$name/log"
            exit 1
        }
    done
    servers="$servers $sshd_pid"
    echo "$sshd_port" >"$W/$name/port"
    for key in $(echo "$keys" | tr , ' '); do
        key_line "$listen" "$sshd_port" "$W/$key.pub" >>"$W/known_hosts"
    done
    printf 'Host %s\n    HostName %s\n    Port %s\n    %s\n' \
        "$name" "$listen" "$sshd_port" "$client" >>"$W/hosts"
}

sshd_port () {
    cat "$W/$1/port"
}

# want_sshd_log NAME TEXT
want_sshd_log () {
    n=0
    until grep -qF -- "$2" "$W/$1/log"; do
        n=$((n + 1))
        [ "$n" -lt 50 ] || {
            wrong "sshd did not log: $2"
            return
        }
        sleep 0.02
    done
}
