#!/bin/sh
# Sessions through a connection of authplug connect against those through
# OpenSSH's own ControlMaster: the same sshd, the same client, in turns. Set-up,
# throughput both ways, and the memory of what serves. A session is taken three
# times: the whole of `ssh host true`, most of which is ssh's own start and the
# server's shell; and by a client that speaks PROTOCOL.mux itself, from its
# connect() until the session is opened, and until it has ended.
. "$SRC/tests/e2e/lib.sh"
. "$E2E/sshd.sh"
login_program
client_config
sshd_start pam "PubkeyAuthentication yes" \
    "client=IdentityFile $W/user_key"

"$BUILD/authplug" connect -F "$W/ssh_config" --plugin "'$hello' '$password'" \
    -S "$W/run/ours" ${OPTIONS-} pam >/dev/null || exit 1
ssh -F "$W/ssh_config" -f -N -M -S "$W/run/theirs" ${OPTIONS-} pam || exit 1

cat >"$W/time.py" <<'END'
import array, os, socket, statistics, struct, subprocess, sys, time
config, run, megabytes = sys.argv[1], sys.argv[2], int(sys.argv[3])
def ssh(name, *words, **io):
    argv = ["ssh", "-F", config, "-S", run + "/" + name, "pam", *words]
    start = time.perf_counter()
    subprocess.run(argv, check=True, **io)
    return time.perf_counter() - start
null = subprocess.DEVNULL
devnull = os.open(os.devnull, os.O_RDWR)
def string(text):
    return struct.pack(">I", len(text)) + text
def take(sock): # the type of the next packet, None at the end
    size = sock.recv(4, socket.MSG_WAITALL)
    if not size:
        return None
    return struct.unpack(">I", sock.recv(struct.unpack(">I", size)[0],
                                         socket.MSG_WAITALL)[:4])[0]
def bare(name, until):
    start = time.perf_counter()
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(run + "/" + name)
        request = struct.pack(">IIIIIIII", 0x10000002, 7, 0, 0, 0, 0, 0,
                              0xffffffff) + string(b"xterm") + string(b"true")
        sock.sendall(string(struct.pack(">II", 1, 4)) + string(request))
        for i in range(3):
            sock.sendmsg([b"\0"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
                                    array.array("i", [devnull]))])
        took = {}
        while (kind := take(sock)) is not None:
            took[kind] = time.perf_counter() - start
    return took[until]
def up(name):
    with subprocess.Popen(["head", "-c", "%dM" % megabytes, "/dev/zero"],
                          stdout=subprocess.PIPE) as source:
        return ssh(name, "cat >/dev/null", stdin=source.stdout, stdout=null)
def down(name):
    sink = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=null)
    took = ssh(name, "head -c %dM /dev/zero" % megabytes, stdin=null,
               stdout=sink.stdin)
    sink.stdin.close()
    sink.wait()
    return took
def compare(what, one, times, bar, over):
    took = {"ours": [], "theirs": []}
    for i in range(times + 1):
        for name in ("ours", "theirs") if i % 2 else ("theirs", "ours"):
            t = one(name)
            if i > 0:
                took[name].append(t)
    o, t = (statistics.median(took[n]) for n in ("ours", "theirs"))
    ratio = t / o if over else o / t
    print("%-28s connect %7.1f ms   ControlMaster %7.1f ms   %s %.2f (bar %s)"
          % (what, o * 1000, t * 1000, "throughput" if over else "ratio", ratio,
             bar))
compare("a session", lambda n: ssh(n, "true", stdin=null), 40, "0.95", False)
for what, until in ("opened", 0x80000006), ("ended", 0x80000004):
    compare("its socket, until " + what, lambda n: bare(n, until), 200, "0.95",
            False)
compare("%d MB to the server" % megabytes, up, 5, "1.2", True)
compare("%d MB from the server" % megabytes, down, 5, "1.2", True)
def memory(name):
    said = subprocess.run(["ssh", "-S", run + "/" + name, "-O", "check", "x"],
                          stderr=subprocess.PIPE).stderr.decode()
    pid = said.partition("pid=")[2].partition(")")[0]
    with open("/proc/%s/status" % pid) as status:
        return next(int(l.split()[1]) for l in status if l.startswith("VmHWM"))
print("memory at most: connect %d kB   ControlMaster %d kB" %
      (memory("ours"), memory("theirs")))
END
"$PY" "$W/time.py" "$W/ssh_config" "$W/run" "${MEGABYTES:-200}"
for name in ours theirs; do
    ssh -S "$W/run/$name" -O exit x 2>/dev/null
done
