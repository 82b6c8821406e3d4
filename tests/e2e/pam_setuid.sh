#!/bin/sh
# pam_authplug.so in programs that are setuid root, and in passwd, which a plugin
# runs to do its work. It needs root, and accounts: they are in a copy of /etc
# that only this script sees. What makes the copy cannot run outside of a mount
# namespace of its own, and what writes looks for the copy's mark.
mark=/etc/copy-of-authplug-tests
if [ "$(id -u)" = 0 ] && [ ! -e $mark ] && unshare -m true 2>/dev/null; then
    exec unshare -m sh -c 'mount -t tmpfs -o mode=755 none /mnt &&
        mkdir /mnt/etc && cp -a /etc/. /mnt/etc/ && : >"/mnt$0" &&
        mount --bind /mnt/etc /etc && mount -t tmpfs none /var/log &&
        TMPDIR=/mnt exec sh "$@"' $mark "$0" "$@"
fi
. "${0%/*}/pam_lib.sh"
[ -e $mark ] || skip_all "root, and a mount namespace (unshare -m)"

quick="min_time=300"
cat >>/etc/passwd <<'END'
alice:x:4711:4711::/:/bin/sh
bob:x:4712:4712::/:/bin/sh
END
cat >>/etc/group <<'END'
alice:x:4711:
bob:x:4712:
END
# "alice-sesame" and "bob-sesame", set in 1970 for 99 days
cat >>/etc/shadow <<'END'
alice:$6$authplug$BL2iLkYoQYDp/odI/WCetVEUz6dcy4KLT5qtuNtJmSSNYKCHJgatbcbEyqZonKFBfRnRaTGjBzhFEHjrrCtpf0:364:0:99:7:::
bob:$6$authplug$VJTt6j7lRoknz91UzgRSknSy1BjBNahpgnqNz/5QKCL/2M0nVPhR7ps7x/yNtQctYbWgbb3RMN2duQltV3KdZ0:364:0:99:7:::
END

plugin world <<'END'
params
{ env -0 | tr '\0' '\n'; grep -E '^(Uid|Gid)' /proc/$$/status; } >$1
ask "instruction:For $(param user_name)." "req:Secret: "
verdict "$r1" sesame
END
cat >"$plugins/passwd" <<'END'
#!/usr/bin/python3
"""Changes the password by the system's own program."""
import os, pty, select, sys
params = {}
for line in sys.stdin:
    if line.strip() == "end_of_params":
        break
    key, _, value = line.rstrip("\n").partition(":")
    params[key] = value
answers = [params.get("old_password", ""), params["new_password"],
           params["new_password"]]
pid, fd = pty.fork()
if pid == 0:
    os.execv("/usr/bin/passwd", ["passwd"])
seen = b""
while True:
    try:
        data = os.read(fd, 4096)
    except OSError:
        data = b""
    if not data:
        break
    seen += data
    if seen.rstrip().endswith(b":") and answers:
        os.write(fd, answers.pop(0).encode() + b"\n")
        seen = b""
status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
print("error_log:%s" % seen.decode().strip().replace("\r\n", "/"))
print("success" if status == 0 else "failure", flush=True)
END
chmod 755 "$plugins/passwd"
cat >/etc/pam.d/su <<END
auth required $module [plugin=$plugins/world $W/world] $quick
account required pam_permit.so
session required pam_permit.so
END
cat >/etc/pam.d/passwd <<END
password required $module plugin=$plugins/passwd $quick
password required pam_unix.so
END

# as_bob ANSWER COMMAND... - at a terminal, in a world of bob's making.
as_bob () {
    answer=$1
    shift
    run 15 --pty --on Secret: "type:$answer\n" -- env PATH="$W/evil:$PATH" \
        LD_LIBRARY_PATH="$W/evil" SSH_CONNECTION="6.6.6.6 1 6.6.6.7 2" \
        BASH_ENV="$W/evil" \
        setpriv --reuid=bob --regid=bob --clear-groups "$@"
}

it "su asks by a plugin that is root and knows nothing of its caller's world"
as_bob sesame su alice -c 'echo now $(id -un)'
want_rc 0
want_screen "For alice."
want_screen "now alice"
printf '%s\n' PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    PWD=/ | sort >"$W/should"
grep = "$W/world" | grep -v '^_=' | sort | diff "$W/should" - >"$W/want" ||
    wrong "the world is another: $(cat "$W/want")"
want grep -qx "$(printf 'Uid:\t0\t0\t0\t0')" "$W/world"
want grep -qx "$(printf 'Gid:\t0\t0\t0\t0')" "$W/world"

it "su with a wrong answer does nothing, and takes its time"
as_bob wrong su alice -c 'echo now $(id -un)'
want_not [ "$rc" = 0 ]
want_no_screen "now alice"
want_at_least 300

service login "account required pam_unix.so" \
    "password required MODULE plugin=$plugins/passwd $quick" \
    "auth required pam_unix.so"

it "a plugin changes an expired password by the system's passwd"
host 20 -f expired -a alice-sesame -a Stoat-weasel-7 -a Stoat-weasel-7 \
    login alice account password
want_rc 0
want_gave account "Authentication token is no longer valid; new one required"
want_logged event password outcome accepted user alice
want_not_logged weasel
host 20 -a Stoat-weasel-7 login alice auth
want_rc 0
host 20 -a alice-sesame login alice auth
want_rc 1
host 20 login alice account
want_gave account Success

it "not with the wrong old one"
before=$(grep ^bob: /etc/shadow)
host 30 -f expired -a wrong -a Stoat-weasel-7 -a Stoat-weasel-7 \
    login bob account password
want_rc 1
want_out "error|The password was not changed.|"
want [ "$(grep ^bob: /etc/shadow)" = "$before" ]

it "what has been changed is left alone where only expired ones are wanted"
host 20 -f expired -a x login alice password
want_rc 1
want_conversations
want_log_lines 0

finish
