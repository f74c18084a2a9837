#!/bin/bash
# SPDX-License-Identifier: MIT
# `unpaged stats` shows what running programs have counted, and those that were killed.
# shellcheck source=tests/preload/support.sh disable=SC2016
. "$(dirname "$0")/support.sh"

need_paging
need awk
need jq
stat -f -c %T /dev/shm 2>/dev/null | grep -q tmpfs || skip '/dev/shm is not in memory'
runtime=$(mktemp -d /dev/shm/unpaged-test-XXXXXX)
trap 'rm -rf "$work" "$runtime"' EXIT
export XDG_RUNTIME_DIR=$runtime

# stats WORDS STATUS ARGUMENT...: `unpaged stats` ends so, with one line on standard error if it
# fails, and none if not.
stats() {
        local status=0

        "$LAUNCHER" stats "${@:3}" >out 2>err || status=$?
        [ "$status" -eq "$2" ] || fail "$1: status $status" out err
        [ "$(wc -l <err)" -eq $((status != 0)) ] || fail "$1: standard error" err
}

# holds WORDS FILTER: jq finds it true of each document in `out`.
holds() {
        jq -e "$2" out >jq.out 2>&1 || fail "$1: $2" out jq.out
}

# said WORDS PATTERN FILE
said() {
        grep -qE -- "$2" "$3" || fail "$1: no $2" "$3"
}

# begin PAGES: a paged program that has written so many pages, has read half of them again, and
# waits. Its number is in `pid`.
begin() {
        mkfifo go
        launch_set
        "${launch[@]}" awk -v n="$1" 'BEGIN { for (i = 0; i < n; i++) a[i] = sprintf("%500d", i)
                for (i = 0; i < n / 2; i++) sum += a[i]
                print sum >"ready"; close("ready"); getline <"go"; print "end" }' >/dev/null 2>&1 &
        pid=$!
        for _ in $(seq 300); do
                [ -s ready ] && return
                sleep 0.1
        done
        fail "the program is not ready"
}

end() {
        echo >go
        wait "$pid" || fail "the program ends with $?"
        rm -f go ready
}

begin 20000
stats "a running program" 0
said "a running program" "^ *$pid .*wk" out
[ "$(grep -c "^ *$pid " out)" -eq 1 ] || fail "not one line for one program" out
stats "one program" 0 "$pid"
said "one program" '^  faults  *[0-9]{1,3}(,[0-9]{3})+$' out
said "one program" '^  policy ' out
stats "as JSON" 0 "$pid" --json
holds "as JSON" '.schema == "unpaged.stats" and .version == 1 and (.pools | length == 1)'
holds "as JSON" ".pools[0] | .pid == $pid and .state == \"running\" and .page_size >= 4096"
holds "figures fit" '.pools[0] | .counters.faults > 4000 and .counters.pages_out > 1000 and
        .counters.pages_in > 500 and .gauges.swap_pages > 100 and .resident_bytes > 500000 and
        .resident_bytes <= .budget_bytes and .budget_bytes <= 1048576 and
        .compressed_bytes > 0 and .compression_ratio > 1 and .seconds > 0 and
        .waiting_percent > 0 and .faults_per_second > 0'
faults=$(jq '.pools[0].counters.faults' out)

stats "for Prometheus" 0 "$pid" --openmetrics
said "for Prometheus" '^# TYPE unpaged_faults counter$' out
said "for Prometheus" "^unpaged_faults_total\{pid=\"$pid\",pool=\"0\",program=\"[a-z]*awk\"\} $faults$" out
said "for Prometheus" '^unpaged_wait_seconds_total\{.*\} [0-9.]+$' out
[ "$(tail -n 1 out)" = '# EOF' ] || fail "OpenMetrics end with # EOF" out
awk '/^# TYPE/ { if (seen[$3]++) exit 1; family = $3; next }
     /^# EOF/ { ended = 1; next }
     /^#/ { next }
     { name = $1; sub(/\{.*/, "", name); sub(/_total$/, "", name); if (name != family) exit 2 }
     END { exit !ended }' out || fail "a sample stands apart from its family" out

"$LAUNCHER" stats "$pid" --every 100ms --json >lines 2>err &
watcher=$!
sleep 0.5
kill "$watcher" 2>/dev/null
wait "$watcher" 2>/dev/null || :
[ "$(jq -s length lines)" -ge 3 ] || fail "--every 100ms: fewer than 3 in half a second" lines
jq -es '.[1:] | all(.pools[0].seconds < 0.5 and .pools[0].faults_per_second == 0)' lines >/dev/null ||
        fail "rates are not of the time since the last look" lines
end
stats "it has ended" 1 "$pid"
said "it has ended" "$pid" err
stats "nothing is left" 0 --all
! grep -q "^ *$pid " out || fail "its figures are left" out

begin 20000
kill -KILL "$pid"
wait "$pid" 2>/dev/null || :
rm -f go ready
stats "of those that run it is none" 0
! grep -q "^ *$pid " out || fail "a killed one runs" out
stats "a killed program" 0 "$pid" --json
holds "a killed program" ".pools[0] | .pid == $pid and .state == \"ended\" and
        .counters.faults > 4000"
stats "all" 0 --all
said "all" "^ *$pid .*ended$" out

stats "a process that is not paged" 1 $$
said "a process that is not paged" 'not paged' err
stats "no number" 2 nonsense
stats "two processes" 2 1 2
stats "an unknown option" 2 --nonsense
stats "a time that is none" 2 --every 1w
finish
