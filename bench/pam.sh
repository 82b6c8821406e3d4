#!/bin/sh
# A login through pam_authplug with a plugin in C that asks three questions,
# against pam_exec running /bin/true: the same program, in turns. First
# tests/pam_harness, which PAM lets choose its pam.d, then pamtester, under
# pam_wrapper, whose own work is part of both times.
. "$SRC/tests/e2e/pam_lib.sh"
need pamtester pamtester

cp "$BUILD/examples/personal_info" "$plugins/"
chmod 755 "$plugins/personal_info"
echo "alice:blue:rex:yes" >"$W/people"
service ours "auth required MODULE [plugin=$plugins/personal_info $W/people]"
service exec "auth required pam_exec.so quiet /bin/true"

cat >"$W/time.py" <<'END'
import os, statistics, subprocess, sys, time
harness, pam = sys.argv[1:]
def run(argv, env):
    start = time.perf_counter()
    subprocess.run(argv, env=env, check=True, input=b"blue\nrex\nyes\n",
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return (time.perf_counter() - start) * 1000
def compare(what, ours, theirs, env):
    times = ([], [])
    for i in range(110):
        for each, argv in zip(times, (ours, theirs)):
            each.append(run(argv, env))
    a, b = (statistics.median(each[10:]) for each in times)
    print("auth in %s: pam_authplug with a plugin in C %.2f ms   pam_exec with "
          "/bin/true %.2f ms   ratio %.2f (bar 1.0)" % (what, a, b, a / b))
env = dict(os.environ)
answers = ["-a", "blue", "-a", "rex", "-a", "yes"]
compare("a bare program",
        [harness, "-c", pam] + answers + ["ours", "alice", "auth"],
        [harness, "-c", pam, "exec", "alice", "auth"], env)
env.update(LD_PRELOAD="libpam_wrapper.so", PAM_WRAPPER="1",
           PAM_WRAPPER_SERVICE_DIR=pam)
compare("pamtester", ["pamtester", "ours", "alice", "authenticate"],
        ["pamtester", "exec", "alice", "authenticate"], env)
END
"$PY" "$W/time.py" "$BUILD/tests/pam_harness" "$W/pam"
