#!/bin/bash
# SPDX-License-Identifier: MIT
# report.sh PROGRAM: one run, one report, however its processes end. PROGRAM is `reported`.
# shellcheck source=tests/preload/support.sh
. "$(dirname "$0")/support.sh"

program=$1
need_paging

# run_it STATUS ARGUMENT...: leaves stats (JSON), table, out and err.
run_it() {
        local status=0

        rm -f stats table
        options=(--stats "$work/table" "${extra[@]}")
        { paged "${@:2}" >out 2>err || status=$?; } 2>/dev/null
        [ "$status" -eq "$1" ] || fail "${*:2}: ends with $status" err
}
extra=()

# holds WORDS FILTER: of all documents, as an array.
holds() {
        jq -es "$2" stats >/dev/null || fail "$1: not so: $2" stats table
}

# reports N: so many, in both forms; totals are the sums of the processes.
reports() {
        holds "$2" "length == $1"
        [ "$(grep -c '^unpaged: ' table)" -eq "$1" ] || fail "$2: not $1 tables" table
        holds "$2" 'all(. as $d | ["faults", "rescues", "loads", "evictions", "pages_in", "pages_out",
                "zero_pages_out", "swap_pages", "swap_bytes", "compressed_bytes", "errors_full"]
                | all(. as $k | $d.total[$k] == ([$d.processes[][$k]] | add)))'
}

# ---- one report ----------------------------------------------------------------------------------

run_it 0 "$program" fill 3
reports 1 'one process'
holds 'one process' '.[0] | .whole and .process_count == 1 and .program == "reported" and
        .budget == "1M" and .processes[0].evictions > 500 and .processes[0].end == "ended"'
[ "$(wc -l <table)" -eq 4 ] || fail "one process: the table has not title, heads, row and sentence" table
grep -qE '^ *[0-9]+ reported +1M +1,0[0-9]{2}K( +[0-9,]+){3}' table || fail "the row" table
grep -qE '^Paging took [0-9.]+ % of the time\.$' table || fail "the sentence" table

# ---- what part of the time paging took ------------------------------------------------------------

percent() { # MIB TIMES SLEEP_MS
        run_it 0 "$program" sleep "$@"
        jq '.processes[0].paging_percent | floor' stats
}

sleeps_a_while() { # DELIVERY
        local most some awake

        extra=(--delivery "$1")
        most=$(percent 4 6 0)
        [ "$most" -ge 40 ] || fail "$1: a program that only fills memory: $most %" table
        some=$(percent 4 6 1500)
        awake=$(jq '.processes[0].wall_seconds | (. - 1.5) / . * 100 | floor' stats)
        { [ "$some" -ge $((awake * most / 300)) ] && [ "$some" -le $((awake + 3)) ]; } ||
                fail "$1: it is awake $awake % of the time, and pages $some %" table
}

# Nearly all of it; never while it sleeps; and a program that waits for a CPU does not sleep.
sleeps_a_while thread
sleeps_a_while signal
extra=()
most=$(percent 4 6 0)
spinners=()
for ((i = 0; i < 2 * $(nproc); i++)); do
        (exec bash -c 'while :; do :; done') &
        spinners+=($!)
done
busy=$(percent 4 6 0)
kill "${spinners[@]}"
wait "${spinners[@]}" 2>/dev/null || true
[ "$busy" -ge $((most * 2 / 3)) ] || fail "with busy CPUs: $busy %, not $most" table

# ---- many processes -------------------------------------------------------------------------------

extra=(--trace "$work/t")
run_it 0 "$program" tree
reports 1 tree
holds tree '.[0] | .whole and .process_count == 7 and .still_running == 0'
holds tree '[.[0].processes[].end] | sort == ["ended", "ended", "ended", "ended", "ended", "killed", "killed"]'
holds tree '.[0].processes | all(.evictions >= 256)'
holds tree '.[0].processes | map(select(.end == "killed")) | all(.wall_seconds == null) and
        (max_by(.evictions).evictions >= 512)'
[ "$(grep -c '  killed$' table)" -eq 2 ] || fail "tree: two were killed" table
[ "$(grep -c '^TOTAL' table)" -eq 1 ] || fail "tree: no total" table
# What each process has recorded is what is told of it.
while read -r pid faults rescues evictions; do
        file=t
        [ ! -f "t.$pid" ] || file=t.$pid
        "$LAUNCHER" trace info "$file" >info 2>note || fail "$file: info ends with $?" note
        counted=$(awk '$1 == "faults" { f = $2 } $1 == "rescued" { r = $2 }
                $1 == "left" { l = $4 } END { print f + 0, r + 0, l + 0 }' info)
        [ "$counted" = "$((faults - rescues)) $rescues $evictions" ] ||
                fail "$file: $counted are recorded, $faults faults, $rescues rescues, $evictions evictions are told" info
done < <(jq -r '.processes[] | select(.end == "ended") | "\(.pid) \(.faults) \(.rescues) \(.evictions)"' stats)
extra=()

run_it 0 sh -c "for i in 1 2 3 4 5 6 7 8; do ls / >/dev/null; done; $program fill 3; exit 0"
reports 1 script
holds script '.[0] | .process_count == 10 and .program == "sh"'
grep -q '^9 others that never evicted ' table || fail "script: the others" table
[ "$(grep -c ' ls ' table)" -eq 0 ] || fail "script: what never evicted has a row" table
extra=(--stats-all)
run_it 0 sh -c "for i in 1 2 3; do ls / >/dev/null; done; $program fill 3; exit 0"
[ "$(grep -c ' ls ' table)" -eq 3 ] || fail "--stats-all: not all have a row" table
grep -q others table && fail "--stats-all: there are others" table
extra=()

"$LAUNCHER" run --require --budget 1M --stats - -- sh -c 'ls /; ls /; exit 0' >out 2>err ||
        fail "--stats -: sh ends with $?" err
[ "$(grep -c '^unpaged: ' err)" -eq 1 ] || fail "--stats -: not one report" err
grep -qx 'The budget was enough: no page was evicted.' err || fail "the sentence of what fits" err

# ---- how the run ends ------------------------------------------------------------------------------

for ms in 11 12 13 14 15 16 17 18 19 20; do
        run_it 143 "$program" allocate "$ms"
        reports 1 "ended while it allocated, after $ms ms"
done
run_it 143 "$program" term
reports 1 'ended by SIGTERM'
holds 'ended by SIGTERM' '.[0] | .whole and (.processes | length == 2 and all(.evictions > 0))'

run_it 0 "$program" thread
reports 1 'exit in a thread'
holds 'exit in a thread' '.[0] | .whole and (.processes | length == 2 and all(.evictions > 0))'

run_it 0 "$program" vfork
reports 1 'children of vfork'
holds 'children of vfork' '.[0] | .process_count == 11 and (.processes | all(.end == "ended"))'

run_it 0 "$program" exec 2
reports 1 'another program'
holds 'another program' '.[0] | .process_count == 1 and
        [.processes[] | .program, .end] == ["reported", "executed", "another", "ended"]'
holds 'another program' '.[0].processes[0].faults > 1500' # the last word counts, not that of the exec that failed

# Without us in what comes next, the report comes before.
echo 'int main(void) { return 0; }' >main.c
if "${CC:-cc}" -static -o static main.c 2>/dev/null; then
        extra=(--quiet)
        run_it 0 "$program" exec 2 ./static
        extra=()
        reports 1 'a program without us'
        holds 'a program without us' '.[0] | .whole and .processes[0].end == "executed"'
fi

for change in 'UNPAGED_OFF=1' '-u UNPAGED_STATS -u UNPAGED_STATS_JSON' '-u UNPAGED_REPORT' '-i'; do
        run_it 0 sh -c "$program fill 2; exec env $change $program fill 2"
        holds "$change" '.[0] | .whole and any(.processes[]; .program == "env" and .end == "executed")'
done

# ended_later N: waits until so many reports are there.
ended_later() {
        for _ in {1..500}; do
                [ "$(wc -l <stats 2>/dev/null)" -lt "$1" ] || return 0
                sleep 0.02
        done
        fail "there are never $1 reports" stats
}

run_it 0 "$program" daemon
ended_later 2
reports 2 'a daemon'
holds 'a daemon' '[.[] | .whole, (.processes | length)] == [true, 1, false, 1]'
holds 'a daemon' '[.[].still_running] == [1, 0]'

# Where the first was killed, the next to end speaks for it.
run_it 137 "$program" killed
ended_later 1
reports 1 'the first is killed'
holds 'the first is killed' '.[0] | .whole and ([.processes[].end] | sort == ["ended", "killed"]) and
        (.processes | all(.evictions > 0))'

# The first is not paged, and still speaks for all, also where standard error is closed by then.
UNPAGED_ONLY=reported
export UNPAGED_ONLY
rm -f stats table
"$LAUNCHER" run --budget 1M --stats-json stats --stats table -- sh -c "$program fill 2; $program fill 2; exit 0" \
        2>err || fail "UNPAGED_ONLY: ends with $?" err
reports 1 UNPAGED_ONLY
holds UNPAGED_ONLY '.[0] | .program == "sh" and .process_count == 2'
"$LAUNCHER" run --budget 1M --stats - -- sh -c "$program fill 2; exec 2>&-; exit 0" 2>err
unset UNPAGED_ONLY
grep -q '^unpaged: sh: 1 process\|^unpaged: sh, ' err || fail "UNPAGED_ONLY, --stats -: no report" err

# ---- many ------------------------------------------------------------------------------------------

run_it 0 "$program" many 500
reports 1 '500 processes'
holds '500 processes' '.[0].process_count == 501'

# ---- where records cannot be kept ------------------------------------------------------------------

# each_alone COMMAND...: three processes, each with its own report on standard error.
each_alone() {
        "$@" "$LAUNCHER" run --require --budget 1M --stats-json - -- \
                sh -c "$program fill 2; $program fill 2; exit 0" 2>&1 >/dev/null | cat >stats
        jq -es 'length == 3 and all(.whole | not)' stats >/dev/null ||
                fail "$*: not each has a report" stats
}
each_alone bash -c 'ulimit -f 0; "$@"' -
if [ "$(id -u)" -eq 0 ] && unshare -m true 2>/dev/null; then
        # shellcheck disable=SC2016
        each_alone unshare -m sh -c 'unset XDG_RUNTIME_DIR; mount -t tmpfs -o ro none /run &&
                mount -t tmpfs -o ro none /dev/shm && exec "$@"' -
        # A child that has become another user cannot write to the file either.
        if command -v perl >/dev/null; then
                rm -f stats
                (umask 0 && : >stats)
                # shellcheck disable=SC2016
                "$LAUNCHER" run --budget 1M --stats-json "$work/stats" -- \
                        sh -c 'perl -e "\$< = \$> = 65534"; exit 0' 2>err
                holds 'another user' 'map(.whole) == [false, true] and .[0].processes[0].program == "perl"'
        fi
fi

# Nothing stays behind of the runs that have ended.
"$LAUNCHER" run --budget 1M --stats table -- sh -c 'echo "$UNPAGED_REPORT"' >path 2>err
[ -s path ] || fail "UNPAGED_REPORT is not set" err
[ ! -e "$(cat path)" ] || fail "the file of the run is still there: $(cat path)"
finish
