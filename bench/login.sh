#!/bin/sh
# A login through authplug ssh against stock ssh with an askpass script in
# shell: the same sshd with PAM, the same prompt, the same command, in turns.
. "$SRC/tests/e2e/lib.sh"
. "$E2E/sshd.sh"
login_program
client_config
sshd_start pam

printf '#!/bin/sh\nprintf "%%s\\n" "%s"\n' "$password" >"$W/askpass"
chmod 700 "$W/askpass"
cat >"$W/time.py" <<'END'
import os, statistics, subprocess, sys, time
login, hello, password, config, askpass = sys.argv[1:]
def run(argv, env):
    start = time.perf_counter()
    subprocess.run(argv, env=env, check=True, stdin=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return (time.perf_counter() - start) * 1000
env = dict(os.environ)
stock_env = dict(env, SSH_ASKPASS=askpass, SSH_ASKPASS_REQUIRE="force")
plugin = "'%s' '%s'" % (hello, password)
ours, stock = [], []
for i in range(22):
    o = run([login, "-F", config, "--plugin", plugin, "pam", "true"], env)
    s = run(["ssh", "-F", config, "pam", "true"], stock_env)
    if i >= 2:
        ours.append(o)
        stock.append(s)
o, s = statistics.median(ours), statistics.median(stock)
print("login through authplug ssh %.1f ms   stock ssh with askpass in shell "
      "%.1f ms   ratio %.2f (bar 1.0)" % (o, s, o / s))
END
"$PY" "$W/time.py" "$BUILD/authplug-ssh" "$hello" "$password" "$W/ssh_config" \
    "$W/askpass" ||
    { note <"$W/pam/log"; exit 1; }
