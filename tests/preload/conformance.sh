#!/bin/bash
# SPDX-License-Identifier: MIT
# conformance.sh PROGRAM [--seconds N] [--seed N] [--steps N] [--budgets LIST] [-- OPTION...]: random
# sequences of address-space calls, each run plainly and under budgets; their logs must be the same,
# byte for byte. Without --seconds: one seed. By hand, for a night, and from where it failed:
#
#   LAUNCHER=.build/release/lib/preload/unpaged tests/preload/conformance.sh \
#           .build/release/tests/preload/conformance --seconds 30000 --seed 1 --steps 2000
#
# What follows -- goes to the program: --only STEP,... and --without STEP,... narrow a failure down.
# shellcheck source=tests/preload/support.sh
. "$(dirname "$0")/support.sh"

program=$1
shift
seconds=0
seed=1
seeds=1
steps=300
budgets="1M 4M"
while [ $# -gt 0 ]; do
        case $1 in
        --seconds) seconds=$2 ;;
        --seed) seed=$2 ;;
        --seeds) seeds=$2 ;;
        --steps) steps=$2 ;;
        --budgets) budgets=$2 ;;
        --) shift && break ;;
        *) echo "no such option: $1" >&2 && exit 2 ;;
        esac
        shift 2
done
arguments=("$@")
need_paging
speak_elsewhere

# The pipe ends when the last process does: some parents end before their children.
log() {
        "$@" --seed "$seed" --steps "$steps" "${arguments[@]}" 2>&1 </dev/null | cat
}

one() {
        rm -f stats
        log paged "$program" >paged.log || true
        if ! cmp -s plain.log paged.log; then
                fail "seed $seed, $steps steps, budget $budget: the logs differ (plain <, paged >)"
                diff plain.log paged.log | head -n 6 >&2 || true
                echo "before that:" >&2
                cmp plain.log paged.log | sed -n 's/.*line //p' |
                        while read -r line; do
                                head -n $((line - 1)) plain.log | tail -n 4 >&2
                        done
        fi
        [ "${#arguments[@]}" -gt 0 ] || stats_are_sound "seed $seed, budget $budget"
}

first=$seed
while [ "$seconds" -gt 0 ] || [ "$seed" -lt $((first + seeds)) ]; do
        log "$program" >plain.log || true
        grep -q ' ends$' plain.log || fail "seed $seed: the plain run does not end" plain.log
        for budget in $budgets; do
                one
        done
        [ "$failures" -eq 0 ] || [ "$seconds" -eq 0 ] || break
        [ "$seconds" -eq 0 ] || [ "$SECONDS" -lt "$seconds" ] || break
        seed=$((seed + 1))
done
echo "seeds $first to $((seed - (seconds == 0))), budgets $budgets, $(wc -l <plain.log) lines the last"
finish
