#!/bin/bash
# SPDX-License-Identifier: MIT
# The documents of JSON have the members, and the types, that unpaged-json(5) lists: all of them, in
# each object, and no others.
here=$(cd "$(dirname "$0")" && pwd)
real=$LAUNCHER
# shellcheck source=support.sh
. "$here/support.sh"
page=$here/../../lib/preload/unpaged-json.5

command -v jq >/dev/null || { echo "skipped: there is no jq here"; exit 77; }

# Of a document and a list of paths and types: what is wrong, a line each.
cat >schema.jq <<'END'
def flat: map(if type == "number" then "[]" else . end) | join(".");
{b: "boolean", n: "number", t: "string", o: "object", a: "array", z: "null"} as $letters
| ($list | split("\n") | map(select(. != "") | split(" ") | {key: .[0], value: (.[1] / "" | map($letters[.]))})
        | from_entries) as $types
| [paths as $p | {path: ($p | flat), type: (getpath($p) | type)}] as $there
| (reduce $there[] as $x ({}; .[$x.path] += 1)) as $count
| (reduce $there[] as $x ({"": 1}; if $x.type == "object" then .[$x.path] += 1 else . end)) as $objects
| [ ($there[] | select($types[.path] == null) | "\(.path): is not in the list"),
    ($there[] | .type as $type | select($types[.path] and (any($types[.path][]; . == $type) | not))
        | "\(.path): is \($type)"),
    ($types | keys[] | select(endswith("[]") | not)
        | (split(".")[:-1] | join(".")) as $in
        | select(($count[.] // 0) != ($objects[$in] // 0)) | "\(.): is not in every object"),
    (select(keys_unsorted[:2] != ["schema", "version"] or .schema != $schema or .version != 1)
        | "does not begin with \($schema), version 1")
  ] | unique[]
END

breaches_of() { # LIST SCHEMA
        jq -r --arg list "$1" --arg schema "$2" -f schema.jq
}

# holds_to SCHEMA: `out` has documents of it. The list is standard input: paths, and letters of the types
# that each may have: boolean, number, text, object, array, z for null.
holds_to() {
        local list

        list=$(printf 'schema t\nversion n\n' && cat)
        check "$1: there is a document" jq -es 'length > 0' out >/dev/null
        breaches_of "$list" "$1" <out >wrong 2>&1 || true
        check "$1: $(head -n 5 wrong)" [ ! -s wrong ]
        sed -n "/^\.SH $1\$/,/^\.SH [A-Zu]/p" "$page" >section
        sed -E 's/ .*//; s/\.\[\]$//; s/.*\.//' <<<"$list" | sort -u | grep -vx 'schema\|version' |
                while read -r name; do grep -qw "$name" section || echo "$name"; done >missing
        check "$1: not in the manual: $(tr '\n' ' ' <missing)" [ ! -s missing ]
}

# A breach is seen.
breach='{"schema":"x","version":1,"a":[{"b":1},{}],"c":"text","d":0}'
breaches_of $'schema t\nversion n\na a\na.[] o\na.[].b n\nc n\ne n' x <<<"$breach" >wrong
check "breaches are seen" [ "$(cat wrong)" = \
        $'a.[].b: is not in every object\nc: is string\nd: is not in the list\ne: is not in every object' ]

# ---- check ---------------------------------------------------------------------------------------

for mask in '' page_4k; do
        UNPAGED_MASK_FEATURES=$mask launch check --json
        check "the verdict is the status" jq -e ".pages == ($status == 0)" out >/dev/null
        holds_to unpaged.check <<'END'
unpaged t
linux t
machine t
memory_bytes n
cgroup_limit_bytes nz
default_budget_bytes n
rows a
rows.[] o
rows.[].section t
rows.[].name t
rows.[].state tz
rows.[].words t
fixes a
fixes.[] t
pages b
END
done
check "what is amiss has its fix" jq -e '.fixes | any(contains("4 KiB"))' out >/dev/null

# ---- traces --------------------------------------------------------------------------------------

launch trace generate zipf --pages 50 --accesses 999 -o zipf.trace
launch trace info --json zipf.trace zipf.trace
ended 0
check "two documents" jq -es 'length == 2 and all(.pages == 50 and .counts.accesses == 999)' out >/dev/null
info=$(printf '%s\n' 'trace t' 'origin t' 'page_size n' 'every_access b' 'pool oz' 'pool.frames n' \
        'pool.policy t' 'pool.queue_percent n' 'pool.strict b' 'bytes n' 'events n' 'counts o' 'modified o' \
        'first_touches n' 'pages n' 'footprint_pages n' 'footprint_bytes n' 'time_seconds nz' 'note tz'
        for kind in accesses faults read_ahead rescued first_writes queued left returned forgotten moved lost \
                budget_changes; do
                echo "counts.$kind n"
                echo "modified.$kind n"
        done)
holds_to unpaged.trace <<<"$info"
launch trace heat --json zipf.trace
misused 'json is for'

launch curve --json zipf.trace
ended 0
curve=$(printf '%s\n' 'program t' 'page_size n' 'touches n' 'first_touches n' 'lost n' \
        'fault_microseconds n' 'other_seconds nz' 'budget_bytes nz' 'least_bytes n' 'sufficient_bytes n' \
        'enough_bytes n' 'points a' 'points.[] o' 'points.[].memory_bytes n' 'points.[].frames n' \
        'points.[].misses n' 'points.[].misses_again n' 'points.[].slowdown n')
holds_to unpaged.curve <<<"$curve"
check "misses never grow with memory" jq -e '[.points[].misses] | . == (sort | reverse)' out >/dev/null
launch curve --json --output - zipf.trace
misused 'both want standard output'

launch sim --json --policy fifo --budget 50% zipf.trace
ended 0
holds_to unpaged.sim <<'END'
trace t
policy t
reference b
frames n
budget_bytes n
accesses n
every_access b
pages n
first_touches n
capacity_misses n
ratio_lru nz
rescues nz
left_clean nz
left_dirty nz
END

# ---- processes -----------------------------------------------------------------------------------

stats=$(printf '%s\n' 'pools a' 'pools.[] o'
        printf 'pools.[].%s\n' 'pid n' 'parent n' 'user n' 'pool n' 'program t' 'state t' 'delivery t' \
                'policy t' 'swap t' 'page_size n' 'budget_bytes n' 'resident_bytes n' 'compressed_bytes n' \
                'compression_ratio n' 'seconds n' 'waiting_percent n' 'faults_per_second n' \
                'loads_per_second n' 'saves_per_second n' 'gauges o' 'counters o'
        for name in frames_total frames_free frames_pinned frames_queued frames_busy frames_peak swap_pages \
                swap_bytes swap_memory_bytes swap_same_filled swap_incompressible swap_limit_hits access_cpu_ns \
                access_wait_ns ahead_cpu_ns touches_until_full pages_peak budget_changes \
                swap_lower_pages table_bytes memory; do
                echo "pools.[].gauges.$name n"
        done
        echo 'pools.[].costs o'
        for name in first_touch load_swap load_store rescue first_write eviction; do
                echo "pools.[].costs.$name o"
                printf "pools.[].costs.$name.%s n\n" events cpu_ns wait_ns
        done
        for name in faults rescues protect_faults evictions_clean evictions_dirty pages_in pages_out \
                zero_pages_out ahead_pages ahead_used ahead_wasted waits wait_ns late_faults errors_load \
                errors_save errors_full errors_frames busy_pages above_budget; do
                echo "pools.[].counters.$name n"
        done)
launch stats --json
ended 0
holds_to unpaged.stats <<<"$stats"

# The rest wants the real library.
if [ ! -e "${real%/*}/libunpaged-preload.so" ] || ! "$real" check >/dev/null; then
        skip "nothing can be paged"
        finish
fi
figures='peak_resident_bytes n
peak_process_bytes nz
sufficient_bytes nz
faults n
rescues n
loads n
evictions n
evictions_clean n
evictions_dirty n
pages_in n
pages_out n
zero_pages_out n
swap_pages n
swap_bytes n
compressed_bytes n
compression_ratio n
errors_load n
errors_save n
errors_frames n
errors_full n
wait_seconds n
wall_seconds nz
waiting_percent nz
paging_percent nz'
run=$(printf '%s\n' 'pid n' 'program t' 'whole b' 'budget tz' 'budget_bytes n' 'process_count n' \
        'still_running n' 'total o' 'processes a' 'processes.[] o' 'processes.[].pid n' 'processes.[].program t' \
        'processes.[].end t' 'processes.[].budget_bytes n' 'processes.[].page_size n' 'processes.[].reason tz'
        sed 's/^/total./' <<<"$figures"
        sed 's/^/processes.[]./' <<<"$figures")
status=0
rm -f out
"$real" run --budget 2M --curve c.svg --stats-json out -- \
        sh -c 'sh -c "kill -KILL \$\$"; seq 99999 | sort -n >/dev/null; exit 0' >/dev/null 2>err || status=$?
ended 0
holds_to unpaged.run <<<"$run"
check "one was killed" jq -e '.processes | any(.end == "killed" and .wall_seconds == null)' out >/dev/null
"$real" run --budget 1M --trace t.trace -- seq 9 >/dev/null 2>err
launch trace info --json t.trace
holds_to unpaged.trace <<<"$info"
check "of a pool" jq -e '.pool.frames > 0 and .time_seconds != null' out >/dev/null
launch curve --json t.trace
holds_to unpaged.curve <<<"$curve"
"$real" run --budget 1M -- "$real" stats --json >out 2>err
holds_to unpaged.stats <<<"$stats"
check "a process is in it" jq -e '.pools | length > 0' out >/dev/null
finish
