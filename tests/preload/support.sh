# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Sourced by the scripts here, which find the launcher in $LAUNCHER. They work in a directory of
# their own that anybody may enter. $BUDGET is the budget, --policy and the like go into $OPTIONS.
# Time is what a page costs that goes out and comes in, so budget and data (case.h) are small.
set -euo pipefail

budget=${BUDGET:-1M}
read -ra options <<<"${OPTIONS-}"
mask=${UNPAGED_MASK_FEATURES-} # for the paged runs alone
for name in "${!UNPAGED_@}" LD_PRELOAD; do
        unset "$name"
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
cd "$work"
failures=0
# What a program finds open must not depend on who runs the test.
for fd in /proc/self/fd/*; do
        fd=${fd##*/}
        [ "$fd" -le 2 ] || [ "$fd" -eq 255 ] || eval "exec $fd>&-"
done

skip() {
        echo "skipped: $1"
        exit 77
}

# fail WORDS [FILE...]: the end of each file is shown.
fail() {
        local file

        failures=$((failures + 1))
        {
                echo "FAILED: $1"
                for file in "${@:2}"; do
                        [ ! -s "$file" ] || tail -n 12 "$file" | cut -c -300 | sed "s/^/  $file: /"
                done
        } >&2
}

finish() {
        [ "$failures" -eq 0 ] || { echo "$failures failures"; exit 1; }
        exit 0
}

need() {
        command -v "$1" >/dev/null || skip "$1 is not installed"
}

# Where the machine does not permit paging there is nothing to see. Where it does, no excuse counts.
need_paging() {
        need jq
        "$LAUNCHER" check >check 2>&1 || skip "no paging on this machine: $(tail -n 1 check)"
}

# Puts into `launch` what goes before a program that is to be paged. Its report goes to `stats`, as
# JSON: a document for each run, and for each process that was alone. The
# environment is set by a program that is replaced, as the launcher is, by the next: whoever waits,
# waits for the program itself.
launch_set() {
        launch=("$LAUNCHER" run --require --budget "$budget" --stats-json "$work/stats" "${options[@]}" --)
        [ -z "$mask" ] || launch=(env "UNPAGED_MASK_FEATURES=$mask" "${launch[@]}")
}

# For what compares standard error: on a busy machine a program may hardly run, which unpaged says.
speak_elsewhere() {
        options+=(--quiet --log "$work/log")
}

paged() {
        launch_set
        "${launch[@]}" "$@"
}

# limited SECONDS COMMAND...: functions, too. Kills only what it started.
limited() {
        local seconds=$1 job

        shift
        "$@" &
        job=$!
        # Each program here gives itself an alarm; this is for those that cannot.
        (
                exec >/dev/null 2>&1
                sleep "$seconds"
                kill -KILL "$job"
        ) &
        local watch=$!
        local status=0
        wait "$job" 2>/dev/null || status=$?
        kill "$watch" 2>/dev/null || true
        wait "$watch" 2>/dev/null || true
        return "$status"
}

# told KEY: the sum over all processes.
told() {
        jq -s --arg key "$1" '[.[].processes[][$key]] | add // 0' stats
}

# Every process in `stats` kept to its budget, met no error, and pages left to make room.
stats_are_sound() {
        [ -s stats ] || { fail "$1: was not paged"; return; }
        [ "$(told evictions)" != 0 ] || fail "$1: nothing was evicted" stats
        [ "$(($(told errors_load) + $(told errors_save) + $(told errors_frames)))" = 0 ] ||
                fail "$1: pages met errors" stats
        jq -e '.processes | all(.peak_resident_bytes <= .budget_bytes)' stats >/dev/null ||
                fail "$1: more was resident than the budget" stats
}
