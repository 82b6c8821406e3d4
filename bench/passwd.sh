#!/bin/sh
# A password changed by ssh-passwd-plugin against an expect script that holds
# the same dialogue with the same program, the system's passwd, in turns. The
# program's own time is what it takes with bench/typist, which only answers; it
# is taken off both.
. "$SRC/tests/e2e/pam_lib.sh"
. "$SRC/tests/e2e/private_etc.sh"
need expect expect

# a hash that is cheap, so that the dialogue is not lost in it
passwd_stack "password required pam_unix.so sha512 rounds=1000"
account rebecca first-Sesame-1
install -m 711 "$BUILD/plugins/ssh-passwd-plugin/ssh-passwd-plugin" "$plugins"
install -m 755 "$BUILD/bench/typist" "$plugins"
cp "$SRC/plugins/ssh-passwd-plugin/rules/debian" "$W/rules"
cat >"$W/script" <<'END'
log_user 0
set env(LC_ALL) C
set timeout 4
spawn -noecho passwd
expect "Current password:" { send "[lindex $argv 0]\n" }
expect "New password:" { send "[lindex $argv 1]\n" }
expect "Retype new password:" { send "[lindex $argv 1]\n" }
expect "password updated successfully" {
    expect eof
    exit [lindex [wait] 3]
}
exit 1
END
chmod 644 "$W/rules" "$W/script"

cat >"$W/time.py" <<'END'
import os, statistics, subprocess, sys, time

def ours(old, new):
    params = "user_name:rebecca\nold_password:%s\nnew_password:%s\n" \
        "end_of_params\n" % (old, new)
    done = subprocess.run([sys.argv[1], "--config", sys.argv[2]],
                          input=params.encode(), stdout=subprocess.PIPE)
    assert done.stdout == b"success\n", done.stdout

def expect(old, new):
    subprocess.run(["expect", "-f", sys.argv[3], old, new],
                   stdin=subprocess.DEVNULL, check=True)

def at_once(old, new):
    subprocess.run([sys.argv[6], old, new, new, "--", "passwd"],
                   stdin=subprocess.DEVNULL, check=True,
                   env=dict(os.environ, LC_ALL="C"))

os.setgid(int(sys.argv[5]))
os.setuid(int(sys.argv[4]))
a, b, count = "first-Sesame-1", "second-Open-2", 0
times = {ours: [], expect: [], at_once: []}
for i in range(105):
    for run, each in times.items():
        start = time.perf_counter()
        run(a, b)
        each.append((time.perf_counter() - start) * 1000)
        a, b = b, a
o, e, own = (statistics.median(each[5:]) for each in times.values())
print("a change by passwd: ssh-passwd-plugin %.2f ms   expect %.2f ms   passwd "
      "itself %.2f ms   ratio without it %.2f (bar 0.5)"
      % (o, e, own, (o - own) / (e - own)))
END
"$PY" "$W/time.py" "$plugins/ssh-passwd-plugin" "$W/rules" "$W/script" \
    "$(id -u rebecca)" 60000 "$plugins/typist"
