#!/bin/bash
# SPDX-License-Identifier: MIT
# A program that needs more than its budget and the swap store's limit
# gets SIGBUS, and standard error, the log and the statistics say which limit it was.
# shellcheck source=tests/preload/support.sh
. "$(dirname "$0")/support.sh"

need_paging
budget=${BUDGET:-2M}

# It fills memory with noise, and ends as it is told where it gets SIGBUS: 3 by its handler.
cat >greedy.c <<'END'
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

static void leave(int sig)
{
        (void)sig;
        _exit(3);
}

int main(int argc, char **argv)
{
        size_t n = (size_t)1 << 20;
        uint64_t *words = malloc(n * 8), x = 88172645463325252;

        (void)argv;
        if (argc > 1)
                signal(SIGBUS, leave);
        for (size_t i = 0; i < n; i++) {
                x ^= x << 13, x ^= x >> 7, x ^= x << 17;
                words[i] = x;
        }
        return words[x % n] == 1;
}
END
"${CC:-cc}" -O1 -o greedy greedy.c || skip "no compiler"

line='greedy: out of room: the swap store (zram) has reached its limit of 1048576 bytes'
short() { # FILE STATUS ARGUMENT...: it ends so, and FILE has the line, once
        local status=0
        paged ./greedy "${@:3}" >out 2>err || status=$?
        [ "$status" -eq "$2" ] || fail "it ends with $status instead of $2" err
        [ "$(grep -c "out of room" "$1")" -eq 1 ] || fail "it is not told once in $1" "$1"
        grep -q "^unpaged\(\[[0-9]*\]\)\?: $line" "$1" || fail "it is not told in $1" "$1"
}

options=(--swap zram:1M)
short err 135
options=(--swap zram:1M --verbose)
short err 135
options=(--swap zram:1M --log "$work/log")
short err 135
short_log=$(grep -cF "$line" log)
[ "$short_log" -eq 1 ] || fail "the log has it $short_log times" log
options=(--swap zram:1M --quiet)
status=0
paged ./greedy >out 2>err || status=$?
[ "$status" -eq 135 ] && ! grep -q 'out of room' err || fail "--quiet: $status, and it is told" err
# Each of several that fail says why.
options=(--swap zram:1M)
paged sh -c './greedy 3; ./greedy 3; exit 0' >out 2>err || fail "sh ends with $?" err
[ "$(grep -c "^unpaged: $line" err)" -eq 2 ] || fail "not each process tells it" err
rm -f stats
short err 3 handled
[ "$(told errors_frames)" -ge 1 ] || fail "the statistics do not count it" stats
[ "$(told errors_full)" -ge 1 ] || fail "the statistics do not count what was refused" stats
jq -r '.processes[].reason' stats | grep -q 'out of room: the swap store (zram) has reached' ||
        fail "the statistics do not say why" stats

# With enough room nothing is told.
options=()
rm -f stats
paged ./greedy >out 2>err || fail "it ends with $?" err
[ ! -s err ] || fail "something is told" err
[ "$(told errors_frames)" -eq 0 ] || fail "something is counted" stats

finish
