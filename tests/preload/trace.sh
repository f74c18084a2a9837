#!/bin/bash
# SPDX-License-Identifier: MIT
# What `unpaged run --trace` records of programs: as much as the statistics count, of each process
# of a tree, however it ends; and what it does where the file cannot be written on.
# shellcheck source=tests/preload/support.sh
. "$(dirname "$0")/support.sh"

need_paging
need perl
budget=${BUDGET:-2M} # as little as perl has use for
sum='my @a = map { $_ * 2 } 1 .. 100000; $s += $_ for @a; print "$s\n"'
plain=$(perl -e "$sum")

# traced FILE PROGRAM...: the output must be that of the plain run.
traced() {
        options=(--trace "$1")
        rm -f stats
        paged "${@:2}" >out 2>err || return
        grep -qx "$plain" out || fail "the output differs" out err
}

# in FILE NAME: what `unpaged trace info` counts; 0 if it names nothing of the kind.
in_trace() {
        "$LAUNCHER" trace info "$1" >info 2>note || fail "info $1 ends with $?" note
        awk -v name="$2" 'index($0, "  " name " ") == 1 { n = $(split(name, words, " ") + 1) }
                          END { print n + 0 }' info
}

near() { # WORDS A B: a few events may fall between two looks
        [ $(($2 - $3)) -le 50 ] && [ $(($3 - $2)) -le 50 ] || fail "$1: $2, but $3 are told"
}

traced t perl -e "$sum" || fail "perl ends with $?" err
near faults $(($(in_trace t faults) + $(in_trace t rescued))) "$(told faults)"
near rescues "$(in_trace t rescued)" "$(told rescues)"
near evictions "$(in_trace t 'left their frames')" \
        $(($(told evictions_clean) + $(told evictions_dirty)))
[ "$(in_trace t faults)" -gt 1000 ] || fail "there are no events" info
[ ! -s note ] || fail "the trace is not whole" note
grep -q '^t: perl -e my @a' info || fail "it does not say of what it is" info

[ "$(stat -c %a t)" = 600 ] || fail "others may read it: $(stat -c %a t)"

# The next run replaces it, however often; nothing else is left.
for _ in 1 2; do
        cp t before
        traced t perl -e "$sum" || fail "perl ends with $?" err
        ! cmp -s t before || fail "an old trace is not replaced"
        [ "$(in_trace t faults)" -gt 1000 ] || fail "there are no events in the second one" info
done
rm before
[ "$(echo t*)" = t ] || fail "files are left: $(echo t*)"

# Text and back is the same trace.
"$LAUNCHER" trace export --text t | "$LAUNCHER" trace import --text - | cmp - t || fail "text"

# Endings.
traced e perl -e "use POSIX; $sum; \$| = 1; print ''; POSIX::_exit(3)" && fail "_exit ends with 0"
[ "$(in_trace e faults)" -gt 1000 ] && [ ! -s note ] || fail "_exit: it is not whole" note info
traced k perl -e "\$| = 1; $sum; kill 9, \$\$" && fail "the killed one ends with 0"
[ "$(in_trace k faults)" -gt 0 ] || fail "killed: nothing can be read" info
grep -q 'ends before its time' note || fail "killed: it should not be whole" note

# A tree: each process its own. What a name with %p leads to.
# shellcheck disable=SC2016
script='perl -e "$1"; perl -e "fork or exit 0; wait; $1"'
options=(--trace f)
rm -f f f.*
paged sh -c "$script" sh "$sum" >out 2>err || fail "the tree ends with $?" err
whole=0
for file in f f.*; do
        in_trace "$file" faults >/dev/null
        [ -s note ] || whole=$((whole + 1))
done
[ "$whole" -eq 4 ] || fail "the tree has $whole whole traces" err
traced p-%p.trace perl -e "$sum" || fail "perl ends with $?" err
[ "$(in_trace p-*.trace faults)" -gt 1000 ] || fail "%p" info

# A folder that is gone, which the launcher would have noticed: it is told, and the rest goes on.
rm -f stats
env LD_PRELOAD="${LAUNCHER%/*}/libunpaged-preload.so" UNPAGED_BUDGET="$budget" UNPAGED_STATS_JSON="$work/stats" \
        UNPAGED_LOG="$work/log" UNPAGED_TRACE="$work/gone/t" perl -e "$sum" >out 2>err ||
        fail "perl ends with $?" err
grep -qx "$plain" out || fail "the output differs without a folder" out
grep -q "perl: its trace cannot be written to $work/gone/t: No such file" log || fail "it is not told" log
[ "$(told faults)" -gt 1000 ] || fail "it is not paged" stats

# A file that may not grow.
(
        ulimit -f 20
        options=(--trace full --stats /dev/null)
        paged perl -e "$sum" >out 2>err
) || fail "it ends with the file" err
grep -qx "$plain" out || fail "the output differs when the file is full" out
grep -q 'perl: its trace ends before its time: File too large' err || fail "it is not told" err
in_trace full faults >/dev/null
grep -q 'File too large' note || fail "the trace does not say why it ends" note

finish
