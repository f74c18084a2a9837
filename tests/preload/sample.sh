#!/bin/bash
# SPDX-License-Identifier: MIT
# sample.sh PROGRAM PROGRAM_WITH_FRAME_POINTERS: `unpaged run --sample` finds the functions that
# touch paged memory, in their shares, with their callers.
# shellcheck source=tests/preload/support.sh disable=SC2016
. "$(dirname "$0")/support.sh"

need_paging
plain=$1 pointers=$2

# sampled FILE[,N] PROGRAM...
sampled() {
        options=(--delivery "$delivery" --quiet --sample "$1")
        rm -f stats
        limited 100 paged "${@:2}" >out 2>err
}

# count PATTERN: the faults of the stacks that match
count() {
        pattern=$1 awk '$0 ~ ENVIRON["pattern"] { sum += $NF } END { printf "%.0f\n", sum }' s
}

# Of the two functions one has 90 percent, within 5 points; all stacks together have the loads.
shares() {
        local often seldom all loads

        often=$(count "$1;often [0-9]+$") seldom=$(count "$1;seldom [0-9]+$")
        [ $((often + seldom)) -gt 0 ] || { fail "$2: neither function was found" s err; return; }
        awk -v a="$often" -v b="$seldom" 'BEGIN { p = 100 * a / (a + b); exit p < 85 || p > 95 }' ||
                fail "$2: $often and $seldom are not 90 and 10 percent" s
        all=$(count .) loads=$(($(told faults) - $(told rescues)))
        [ "$all" -gt $((loads * 8 / 10)) ] && [ "$all" -lt $((loads * 12 / 10)) ] ||
                fail "$2: $all faults in the stacks, of $loads" s
        ! grep -vE '^[^; ]+(;[^; ]+)+ [1-9][0-9]*$' s || fail "$2: these are no folded stacks"
}

# look NAME PATTERN N PROGRAM...
look() {
        sampled "s,$3" "${@:4}" || { fail "$1: ends with $?" err; return; }
        stats_are_sound "$1"
        shares "$2" "$1"
}

main='_start;__libc_start_main;.*main'

for delivery in thread signal; do
        look "$delivery" "^sampled;$main;work" 2 "$plain" plain 3000
        look "$delivery, frame pointers" "^sampled_pointers;$main;work" 2 "$pointers" plain 3000
        look "$delivery, threads" '^sampled;.*;thread;work' 2 "$plain" threads 1500
        grep -E ';(often|seldom) ' s | grep -q ';main;' && fail "$delivery: main is in the threads" s
        look "$delivery, handler" "^sampled;$main;.*;on_signal;work" 2 "$plain" handler 3000
        # More than is copied of the stack: it says so.
        look "$delivery, deep" '^sampled;\[unknown\];in_depth;work' 2 "$plain" deep 3000
        # As many as it takes by itself.
        sampled s "$plain" plain 6000 || fail "$delivery: ends with $?" err
        [ "$(count .)" -gt 0 ] || fail "$delivery: nothing is sampled" err
done

# Without names the addresses are those of the file.
if command -v strip >/dev/null && command -v nm >/dev/null; then
        cp "$plain" bare
        strip bare
        sampled s,4 ./bare plain 1000 || fail "bare ends with $?" err
        address=$(nm "$plain" | awk '$3 == "often" { sub(/^0+/, "", $1); print $1 }')
        grep -qE ";\[bare\+0x$address\] [0-9]+$" s || fail "often() is not at $address" s
fi

# ---- processes ---------------------------------------------------------------------------------

delivery=thread
rm -f s
sampled s,4 sh -c 'exec "$1" plain 2000' sh "$plain" || fail "sh ends with $?" err
grep -q '^sampled;' s || fail "the program that is executed has not the name of the file" s
[ "$(echo s*)" = 's stats' ] || fail "there is more than s: $(echo s*)"
rm -f s
sampled s,4 sh -c '"$1" plain 2000; exit $?' sh "$plain" || fail "sh ends with $?" err
[ "$(cat s.* | grep -c '^sampled;.*;often ')" -eq 1 ] || fail "the child has no file of its own" s*
! grep -q '^sampled;' s || fail "the child has written to its parent's file" s

# ---- files -------------------------------------------------------------------------------------

rm -f s s.*
echo old >s
sampled s,4 "$plain" plain 2000 || fail "ends with $? over an old file" err
grep -q ';often ' s || fail "an old file was not replaced" s
for file in "$work" /nonexistent/s; do
        sampled "$file" "$plain" plain 1 && fail "$file is taken for a file"
        grep -q "samples $file: " err || fail "nothing is said of $file" err
done
for wrong in s,0 s,1000001; do
        sampled "$wrong" "$plain" plain 1 && fail "$wrong is taken"
        grep -q "option --sample .*$wrong: must be FILE" err || fail "nothing is said of $wrong" err
done
mkdir d
options=(--sample d/s)
paged sh -c 'rm -r d; exit 0' 2>err || fail "sh ends with $?" err
grep -q 'unpaged: sh: its samples cannot be written to .*/d/s: No such file' err ||
        fail "nothing is said of a file that cannot be written" err

finish
