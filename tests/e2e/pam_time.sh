#!/bin/sh
# How long pam_authplug.so takes to refuse tells nothing: a wrong answer of a
# user who exists, of one who does not, a plugin that crashed, one that is
# silent, one that is not even run.
. "${0%/*}/pam_lib.sh"

# knows alice, whose answer takes some time to check
plugin ask <<'END'
params
ask "req:Secret: "
if [ "$(param user_name)" = alice ]; then
    sleep 0.1
    verdict "$r1" sesame
else
    echo failure
fi
END
plugin crash <<'END'
params
ask "req:Secret: "
exit 3
END
plugin crash_unknown <<'END'
params
ask "req:Secret: "
[ "$(param user_name)" = alice ] || kill -9 $$
END
plugin crash_early <<'END'
params
exit 3
END
plugin silent <<'END'
params
ask "req:Secret: "
sleep 60
END
plugin writable <<'END'
params
END
chmod 777 "$plugins/writable"

# lines MIN_TIME [ARGUMENT] - a service for each kind of refusal.
lines () {
    for name in ask crash crash_early crash_unknown silent writable missing; do
        service $name "auth required MODULE plugin=$plugins/$name \
min_time=$1 timeout=1 ${2-}"
    done
    service nonsense "auth required MODULE nonsense min_time=$1"
}

# refusals N KIND=SERVICE/USER... - all kinds side by side, N times each; what
# each took from the last reply on goes to $W/times.
refusals () {
    times=$1
    shift
    pids=
    for kind; do
        service=${kind#*=} user=${kind##*/}
        timeout 60 env SYSLOG_SHIM="$W/log" \
            LD_PRELOAD="$BUILD/tests/syslog_shim.so" "$BUILD/tests/pam_harness" \
            -c "$W/pam" -n "$times" -a wrong -a wrong "${service%/*}" "$user" auth \
            >"$W/${kind%%=*}.times" 2>&1 &
        pids="$pids $!"
    done
    for pid in $pids; do wait "$pid"; done
    for kind; do
        sed -n "s/^auth: .* after \(.*\) ms/${kind%%=*} \1/p" \
            "$W/${kind%%=*}.times"
    done >"$W/times"
}

# want_alike N LEAST KINDS - there are N times of each kind, none below LEAST,
# and which kind it was cannot be told: the medians lie within 10 ms, or on a
# busy machine closer together than the times of one kind.
want_alike () {
    "$PY" - "$W/times" "$@" >"$W/want" 2>&1 <<'END' || wrong "$(cat "$W/want")"
import statistics, sys
path, count, least, kinds = sys.argv[1:]
times = {}
for line in open(path):
    kind, ms = line.split()
    times.setdefault(kind, []).append(float(ms))
medians = {kind: statistics.median(each) for kind, each in times.items()}
for kind in sorted(times):
    print("%-14s median %8.1f  least %8.1f  most %8.1f" %
          (kind, medians[kind], min(times[kind]), max(times[kind])))
if sorted(times) != sorted(kinds.split()):
    sys.exit("the kinds are others")
if any(len(each) != int(count) for each in times.values()):
    sys.exit("some refusals are missing")
if min(map(min, times.values())) < float(least):
    sys.exit("a refusal came too soon")
scatter = statistics.median(
    statistics.quantiles(each)[2] - statistics.quantiles(each)[0]
    for each in times.values())
apart = max(medians.values()) - min(medians.values())
print("medians lie %.1f ms apart, half of one kind's times within %.1f ms" %
      (apart, scatter))
if apart > max(10, scatter):
    sys.exit("the kinds can be told apart")
END
    sed 's/^/# /' "$W/want"
}

it "a refusal takes the same time whatever it is for"
lines 300
refusals 15 known=ask/alice unknown=ask/nobody crashed=crash/alice \
    crashed_unknown=crash_unknown/nobody untrusted=writable/alice \
    missing=missing/alice misconfigured=nonsense/alice
want_alike 15 300 \
    "known unknown crashed crashed_unknown untrusted missing misconfigured"

it "so it does where the plugin is silent, if that is noticed soon enough"
lines 1700
refusals 3 known=ask/alice unknown=ask/nobody crashed=crash/alice \
    silent=silent/alice silent_unknown=silent/nobody
want_alike 3 1700 "known unknown crashed silent silent_unknown"

it "without min_time= it is two seconds"
service plain "auth required MODULE plugin=$plugins/ask"
host 10 -a wrong plain alice auth
want_after auth 2000 3900

it "what PAM is told is the same as well"
# told_alike KIND... - of these refusals.
told_alike () {
    for kind; do sed -n 's/ after.*//p' "$W/$kind.times"; done |
        sort -u >"$W/told"
    [ "$(grep -c . "$W/told")" = 1 ] ||
        wrong "PAM was told different things: $(cat "$W/told")"
}
told_alike known unknown crashed silent
lines 0 retries=2
refusals 1 known=ask/alice unknown=ask/nobody crashed=crash/alice \
    crashed_early=crash_early/alice silent=silent/alice
told_alike known unknown crashed crashed_early silent

it "who is let in does not wait"
lines 5000
host 10 -a sesame ask alice auth
want_rc 0
want_after auth 0 1000

finish
