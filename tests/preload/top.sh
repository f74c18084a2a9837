#!/bin/bash
# SPDX-License-Identifier: MIT
# top.sh PAGED SCREEN: `unpaged top` beside processes whose budgets and content are known: on a
# terminal, as text, and where there is no such terminal.
# shellcheck source=support.sh
. "$(dirname "$0")/support.sh"
paged=$1
screen=$2
need_paging

# begin BUDGET ARGUMENT...: runs PAGED; puts its process, and its child's, into pid and kid.
begin() {
        "$LAUNCHER" run --budget "$1" -- "$paged" "${@:2}" >"ids.$#.$1" 2>err &
        running+=($!)
        for _ in {1..200}; do
                [ ! -s "ids.$#.$1" ] || break
                sleep 0.05
        done
        read -r pid kid <"ids.$#.$1" || fail "the program does not begin" err
}
running=()
trap 'kill "${running[@]}" 2>/dev/null || true; rm -rf "$work"' EXIT

begin 8M 24 child
parent=$pid child=$kid
begin 2M 1 idle
small=$pid
row='[0-9.]+[KMG]'

# ---- as text

"$LAUNCHER" top -b -p "$parent,$child,$small" >out 2>err || fail "top -b" out err
head -n 2 out | grep -qx '3 paged processes' || fail "how many there are" out
grep -qE "^memory $row of 18\.0M \([0-9]+%\), compressed $row, [0-9]+ faults/s$" out || fail "totals" out
grep -qE "^ +PID USER +MEMORY BUDGET USED% COMPRESSED RATIO FAULTS/s LOADS/s +WAIT% DELIVERY PROGRAM$" out ||
        fail "the titles" out
grep -qE "^ +$parent $(id -un | cut -c -8) +[78]\.[0-9]M +8\.0M +[0-9]+ +$row +[0-9.]+ +[0-9]+ +[0-9]+ +[0-9.]+ thread   paged$" out ||
        fail "the parent's row" out
grep -qE "^ +$child .* +8\.0M .* thread   \`-paged$" out || fail "the child below it" out
[ "$(grep -c . out)" -eq 6 ] || fail "no more than these" out
"$LAUNCHER" top -b -s budget -r -t -p "$parent,$child,$small" >out 2>err || fail "top -b -s" out err
[ "$(awk 'NR > 4 { printf "%s ", $1 }' out)" = "$small $(printf '%s\n' "$parent" "$child" | sort -n | tr '\n' ' ')" ] ||
        fail "by budget, reversed, flat" out
grep -q '`' out && fail "flat has no trees" out
"$LAUNCHER" top -b -n 2 -d 100ms -p "$parent" >out 2>err || fail "twice" err
[ "$(grep -c '^1 paged process$' out)" -eq 2 ] || fail "two updates" out
# The child's faults are those of the time between the two.
awk '/thread/ { if ($7 + 0 < 1) bad = 1 } END { exit bad }' FS=' +' out || fail "it faults" out

# ---- what is refused

refused() { # WORDS COMMAND...
        local status=0

        "${@:2}" >out 2>err || status=$?
        { [ "$status" -ne 0 ] && [ ! -s out ] && grep -qF -- "$1" err && [ "$(wc -l <err)" -eq 1 ]; } ||
                fail "$1: status $status" out err
}

refused ': use -b' "$LAUNCHER" top # standard output is no terminal, or there is no display at all
refused 'must be a time of a millisecond or more' "$LAUNCHER" top -d 1h
refused 'must be a column' "$LAUNCHER" top -s nothing
refused 'must be a number from 1 on' "$LAUNCHER" top -n 0
refused 'must be process ids' "$LAUNCHER" top -p 1,x
refused 'is named by -p' "$LAUNCHER" top 77
refused 'is not known' "$LAUNCHER" top --nothing
refused 'no such process is paged' "$LAUNCHER" top -b -p $$

# ---- on a terminal

# on COLUMNS LINES TERM ARGUMENT... <SCRIPT
on() {
        local kind=$3

        TERM=$kind "$screen" "$1" "$2" "$LAUNCHER" top "${@:4}" >out 2>err ||
                fail "on a terminal, $1 by $2: $4 $5" out err
}

"$LAUNCHER" top >out 2>err || true
if grep -q 'had no ncurses' err; then
        echo "skipped: the display, which is not part of this build"
        finish
fi

on 80 24 dumb -p "$parent" <<'END'
expect TERM=dumb cannot move its cursor: use -b
ends 1
END
on 80 24 no-such-terminal -p "$parent" <<'END'
expect ncurses does not know the terminal TERM=no-such-terminal.*use -b
ends 1
END
on 80 24 '' -p "$parent" <<'END'
expect TERM is not set.*use -b
ends 1
END

on 110 12 vt220 -d 200ms -p "$parent,$child,$small" <<END
expect ^3 paged processes
expect memory $row of 18\.0M \([0-9]+%\), compressed
expect by wait, every 0\.2 s; h: keys, q: quit
expect PID USER +MEMORY BUDGET USED% COMPRESSED RATIO FAULTS/s LOADS/s +WAIT% DELIVERY PROGRAM
# A tree, whatever it is sorted by.
expect $parent .* 8\.0M .* $child .* 8\.0M .* thread   \`-paged
# One list, by process id, and back.
keys t
keys P
expect by pid, every
never \`-paged
keys r
expect by pid reversed
keys t
expect \`-paged
# By other columns: the letters, and to the sides.
keys M
expect by memory.* $parent .* $child .* $small 
keys r
expect by memory reversed.* $small .* $parent .* $child 
keys >
expect by budget,
keys <<
expect by user,
keys F
expect by faults
keys L
expect by loads
keys W
expect by wait
# The keys, and another interval.
keys h
expect unpaged top: keys.*sorts by memory, faults, loads
keys x
expect 3 paged
keys d
expect time between two updates
keys 300x\n
expect 300x: must be a time of a millisecond or more
keys d
keys 400ms\n
expect by wait, every 0\.4 s
# Narrow: columns go, and it goes on.
size 60 12
expect PID MEMORY BUDGET USED% FAULTS/s +WAIT% PROGRAM
never COMPRESSED
never DELIVERY
size 30 12
expect PID MEMORY PROGRAM
size 120 12
expect COMPRESSED.*DELIVERY PROGRAM
# Low: the rows scroll.
size 110 6
expect rows 1 to 2 of 3
keys \e[B
expect rows 2 to 3 of 3
keys \e[B
keys \e[A
expect rows 1 to 2 of 3
keys \e[6~
expect rows 2 to 3 of 3
keys \e[5~
expect rows 1 to 2 of 3
size 110 12
expect  $small .* thread   paged
never rows 1 to
keys q
ends 0
END

on 80 24 vt220 -n 2 -d 100ms -p "$small" <<'END'
expect 1 paged process
ends 0
END
for signal in 2 15; do
        on 80 24 vt220 -p "$small" <<END
expect 1 paged process
signal $signal
ends $((128 + signal))
END
done
on 80 24 vt220 -p "$small" <<'END'
expect 1 paged process
keys \c
ends 130
END

# It ends while it is looked at; -a shows it.
on 110 12 vt220 -d 100ms -p "$parent,$child,$small" <<END
expect 3 paged processes
keys a
expect 3 paged processes
END
kill -KILL "$small"
wait "$small" 2>/dev/null || true
"$LAUNCHER" top -b -a -p "$parent,$small" >out 2>err || fail "top -a" err
head -n 1 out | grep -qx '1 paged process, 1 ended' || fail "one has ended" out
grep -qE "^ +$small .* ended    paged$" out || fail "the one that has ended" out
refused 'it has ended (-a shows those)' "$LAUNCHER" top -b -p "$small"

kill "$parent"
wait "$parent" || fail "its content was wrong: $?" err
finish
