#!/bin/bash
# SPDX-License-Identifier: MIT
# resize.sh PAGED: `unpaged resize` changes the budgets of running processes, whose content stays
# right, and says why where it cannot.
# shellcheck source=support.sh
. "$(dirname "$0")/support.sh"
paged=$1
need_paging
running=()
trap 'kill -KILL "${running[@]}" 2>/dev/null || true; rm -rf "$work"' EXIT

# begin OPTION... -- ARGUMENT...: runs PAGED; puts its process, and its child's, into pid and kid.
begin() {
        local options=() ids=ids.${#running[@]}

        while [ "$1" != -- ]; do
                options+=("$1")
                shift
        done
        "${as[@]}" "$LAUNCHER" run "${options[@]}" "$@" >"$ids" 2>err &
        running+=($!)
        for _ in {1..200}; do
                [ ! -s "$ids" ] || break
                sleep 0.05
        done
        read -r pid kid <"$ids" || fail "the program does not begin" err
}
as=()

# resized SAYS ARGUMENT...: it does, and prints this.
resized() {
        "$LAUNCHER" resize "${@:2}" >out 2>err || fail "resize ${*:2}: status $?" out err
        { grep -qxF -- "$1" out && [ ! -s err ]; } || fail "resize ${*:2} says: $1" out err
}

# refused STATUS WORDS ARGUMENT...
refused() {
        local status=0

        "$LAUNCHER" resize "${@:3}" >out 2>err || status=$?
        { [ "$status" -eq "$1" ] && [ ! -s out ] && [ "$(wc -l <err)" -eq 1 ] && grep -qF -- "$2" err; } ||
                fail "resize ${*:3}: status $status, not $1: $2" out err
}

figure() { # PID NAME
        "$LAUNCHER" stats --json "$1" | grep -oE "\"$2\": ?[0-9]+" | grep -oE '[0-9]+$'
}

has() { # PID NAME VALUE
        [ "$(figure "$1" "$2")" -eq "$3" ] || fail "$1: $2 is $(figure "$1" "$2"), not $3"
}

MiB=1048576

for delivery in thread signal; do
        begin --delivery "$delivery" --budget 8M --stats-json "$work/report" -- "$paged" 24 child
        parent=$pid child=$kid
        has "$parent" budget_bytes $((8 * MiB))
        before=$(figure "$parent" faults)
        sleep 0.3
        [ "$(figure "$parent" faults)" -gt $((before + 100)) ] || fail "$delivery: it faults with 8M"

        # A child has a budget of its own.
        resized "$child (paged): budget 8 MiB -> 4 MiB" "$child" 4M
        has "$child" budget_bytes $((4 * MiB))
        has "$parent" budget_bytes $((8 * MiB))
        [ "$(figure "$child" resident_bytes)" -le $((4 * MiB)) ] || fail "$delivery: it shrinks"

        resized "$parent (paged): budget 8 MiB -> 32 MiB" "$parent" 32M
        has "$parent" budget_bytes $((32 * MiB))
        has "$child" budget_bytes $((4 * MiB))
        sleep 0.5 # all of it comes in
        before=$(figure "$parent" faults)
        sleep 0.3
        has "$parent" faults "$before"

        # What does not fault hears of it if it has a thread for that.
        if [ "$delivery" = thread ]; then
                resized "$parent (paged): budget 32 MiB -> 4 MiB" "$parent" 4MiB
                [ "$(figure "$parent" resident_bytes)" -le $((4 * MiB)) ] || fail "it shrinks"
                resized "$parent (paged): budget 4 MiB -> 8.5 MiB" --pool 0 "$parent" 8.5M
                refused 1 'has no pool 1' --pool 1 "$parent" 8M
                refused 1 'is larger than the memory of this machine' "$parent" 4000G
                refused 1 '1K is too small: at least ' "$parent" 1K
                least=$(grep -oE '[0-9.]+[KMG]$' err)
                "$LAUNCHER" resize "$parent" "$least" >out 2>err || fail "the least: $least" err
        fi
        last=$(figure "$parent" budget_bytes)
        kill "$parent"
        wait "$parent" || fail "$delivery: its content was wrong: $?"
        jq -e ".processes | any(.pid == $parent and .budget_bytes == $last)" report >/dev/null ||
                fail "its report: $last" report
        rm report
done

# ---- what cannot be told then

# No other budget can be told of: neither in words, nor in the picture, nor in figures.
begin --budget 8M --curve c.svg --stats-json "$work/report" -- "$paged" 24
resized "$pid (paged): budget 8 MiB -> 12 MiB" "$pid" 12M
kill "$pid"
wait "${running[-1]}" || fail "its content was wrong: $?"
cannot='how much memory it needs cannot be told: its budget was changed while it ran\.'
grep -q "paged: $cannot$" err || fail "it has a verdict" err
tr '\n' ' ' <c.svg | sed 's/<[^>]*>/ /g' | tr -s ' ' | grep -q "$cannot" || fail "the picture does not say so" c.svg
! grep -q 'suffices' c.svg || fail "the picture has a verdict" c.svg
jq -e '.total.sufficient_bytes == null and .total.paging_percent > 0' report >/dev/null || fail "figures" report
rm report

# ---- several at once

begin --budget 8M -- "$paged" 24
asking=()
for size in 5 6 7 9 10 11; do
        "$LAUNCHER" resize "$pid" "${size}M" >"out.$size" 2>"err.$size" &
        asking+=($!)
done
for one in "${asking[@]}"; do
        wait "$one" || fail "one of several" err.*
done
for size in 5 6 7 9 10 11; do
        grep -q -- "-> $size MiB$" "out.$size" || fail "each says what it asked for" "out.$size"
done
last=$(figure "$pid" budget_bytes)
case $((last / MiB)) in
5 | 6 | 7 | 9 | 10 | 11) [ $((last % MiB)) -eq 0 ] || fail "no mixture: $last" ;;
*) fail "one of those that were asked for: $last" ;;
esac

# A process that is stopped does not hear of it. One that asks and is killed leaves its claim, which
# counts no more; what it asked for is then overtaken by the next.
kill -STOP "$pid"
"$LAUNCHER" resize "$pid" 20M >out 2>err &
asker=$!
sleep 0.5
kill -KILL "$asker"
wait "$asker" 2>/dev/null || true
"$LAUNCHER" resize "$pid" 16M >out 2>err &
asker=$!
sleep 0.5
kill -CONT "$pid"
wait "$asker" || fail "asks after one that was killed" err
has "$pid" budget_bytes $((16 * MiB))

# ---- too late, and not heard: two at a time, as each takes ten seconds

begin --delivery signal --budget 8M -- "$paged" 1 idle
idle=$pid
stopped=${running[-2]}
kill -STOP "$stopped"
"$LAUNCHER" resize "$idle" 16M >out.idle 2>err.idle &
asker=$!
"$LAUNCHER" resize "$stopped" 24M >out 2>err &
quitter=$!
sleep 0.5
kill -TERM "$quitter"
status=0
wait "$quitter" || status=$?
{ [ "$status" -eq 143 ] && grep -q 'interrupted: the budget is as it was' err; } ||
        fail "one that is ended while it waits: status $status" err
refused 1 'is it stopped' "$stopped" 20M
kill -CONT "$stopped"
wait "$asker" && fail "one that does not fault has heard of it" out.idle
grep -q 'has no thread that hears of this' err.idle || fail "says why it does not hear" err.idle
sleep 0.3
has "$stopped" budget_bytes $((16 * MiB)) # withdrawn
has "$idle" budget_bytes $((8 * MiB))
kill "$stopped"
wait "$stopped" || fail "its content was wrong: $?"

# ---- whom it is not for

refused 1 'there is none, or it has ended' "$stopped" 8M
refused 1 'is not paged' $$ 8M
refused 2 'must be the number of a process' x 8M
refused 2 'not a size' "$idle" 8Q
refused 2 'wants a process and a size' "$idle"
refused 2 'is not known' --nothing "$idle" 8M

if [ "$(id -u)" -eq 0 ] && command -v setpriv >/dev/null; then
        user=(setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all --)
        status=0
        "${user[@]}" "$LAUNCHER" resize "$idle" 8M >out 2>err || status=$?
        { [ "$status" -eq 1 ] && grep -q 'by its own user, or by root' err; } || fail "another user's: $status" err
        # The other way round: root may.
        as=("${user[@]}")
        begin --delivery signal --budget 8M -- "$paged" 24
        resized "$pid (paged): budget 8 MiB -> 12 MiB" "$pid" 12M
        has "$pid" budget_bytes $((12 * MiB))
        kill "$pid"
        wait "$pid" || fail "its content was wrong: $?"
else
        echo "skipped: another user's process: not root, or no setpriv"
fi
finish
