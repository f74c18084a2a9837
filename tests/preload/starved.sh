#!/bin/bash
# SPDX-License-Identifier: MIT
# starved.sh PROGRAM: a program that gets nothing done for want of memory is told so, once, with a
# budget that would do; others are not. PROGRAM is `starved`.
# shellcheck source=tests/preload/support.sh disable=SC2016
. "$(dirname "$0")/support.sh"

program=$1
need_paging

said='^unpaged: starved: hardly runs, .* its budget is 256K, and \([0-9]*[KMG]\) would do$'

# told_so OPTION...: it is told within a few windows of 10 seconds, however busy the machine is.
told_so() {
        local pid i

        : >err
        "$LAUNCHER" run --budget 256K "$@" -- "$program" 2 60 0 >out 2>err </dev/null &
        pid=$!
        for ((i = 0; i < 600; i++)); do
                ! grep -q "$said" err && kill -0 "$pid" 2>/dev/null || break
                sleep 0.1
        done
        kill "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
        [ "$(grep -c "$said" err)" -eq 1 ] || fail "$*: it is not told" err
}

# enough_is_enough: with what was named hardly a page comes in again.
enough_is_enough() {
        local enough

        enough=$(sed -n "s/$said/\\1/p" err)
        rm -f stats
        "$LAUNCHER" run --budget "${enough:-256K}" --stats-json "$work/stats" -- "$program" 2 2 0 >out 2>err ||
                fail "with $enough it ends with $?" err
        [ "$(told pages_in)" -lt 1000 ] || # with 256K thousands each second
                fail "with $enough still $(told pages_in) pages come in" stats
}

# A program that computes is not named, though it waits as well.
"$LAUNCHER" run --budget 6M -- "$program" 8 13 1000000 >works.out 2>works.err </dev/null &
works=$!
told_so
enough_is_enough
wait "$works" || fail "the one that computes ends with $?" works.err
[ ! -s works.err ] || fail "a program that computes is named" works.err
told_so --curve c.svg
enough_is_enough

# Nobody looks where nobody is to be told.
for option in --verbose --quiet; do
        "$LAUNCHER" run --budget 1M $option -- sh -c 'cat /proc/$$/task/*/comm; exit 0' >$option.comm 2>err ||
                fail "$option: ends with $?" err
done
grep -qx unpaged-watch ./--verbose.comm || fail "nobody looks" ./--verbose.comm
! grep -qx unpaged-watch ./--quiet.comm || fail "--quiet: somebody looks" ./--quiet.comm
finish
