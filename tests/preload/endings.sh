#!/bin/bash
# SPDX-License-Identifier: MIT
# endings.sh PROGRAM: a program that a signal ends leaves its statistics, its trace, its curve
# and its samples.
# PROGRAM is `endings`.
# shellcheck source=tests/preload/support.sh
. "$(dirname "$0")/support.sh"

program=$1
need_paging
need perl

ended_by() { # CASE SIGNAL
        local status=0

        rm -f stats t t.* c.svg* s
        options=(--trace t --curve c.svg --sample s,2)
        { paged "$program" "$1" >out 2>err || status=$?; } 2>/dev/null
        [ "$status" -eq $((128 + $2)) ] || fail "$1: the status is $status, not of signal $2" err
        stats_are_sound "$1"
        [ "$(wc -l <stats)" -eq 1 ] || fail "$1: not one report" stats
        "$LAUNCHER" trace info t >info 2>note || fail "$1: info ends with $?" note
        [ ! -s note ] || fail "$1: the trace is not whole" note
        grep -q 'How much memory' c.svg || fail "$1: there is no picture"
        grep -qE '^endings(;[^; ]+)+ [0-9]+$' s || fail "$1: there are no samples" s
        grep -qE 'iB would have|cannot be told' err || fail "$1: there is no sentence" err
}

ended_by ends_by_hup 1
ended_by ends_by_int 2
ended_by ends_by_pipe 13
ended_by ends_by_alrm 14
ended_by ends_by_term 15
ended_by ends_on_a_small_stack 15
ended_by ends_on_a_coroutine 15
ended_by ends_among_threads 15

# Each process of a tree.
options=()
rm -f stats
paged "$program" children_end_by_each >out 2>err || fail "the tree ends with $?" err
[ "$(jq .process_count stats)" = 6 ] || fail "not each process of six left its statistics" stats

# What was ignored from the start stays so, as with nohup.
(
        trap '' HUP TERM
        rm -f stats
        paged perl -e 'kill $_, $$ for "HUP", "TERM"; print "goes on\n"' >out 2>err
) || fail "what ignores signals ends with $?" err
grep -qx 'goes on' out || fail "what ignores signals does not go on" out

# Without anything to write there is no handler.
"$LAUNCHER" run --require --budget "$budget" -- cat /proc/self/status >status 2>err ||
        fail "cat ends with $?" err
caught=$(sed -n 's/^SigCgt:[[:space:]]*//p' status)
[ $((0x$caught & 0x7003)) -eq 0 ] || fail "there are handlers although nothing is wanted: $caught"
finish
