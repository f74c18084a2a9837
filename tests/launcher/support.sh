# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034
# What the tests of the launcher share. Sourced; wants LAUNCHER, FAKE_PRELOAD and CC. They run in a
# directory of their own that anybody may enter, and leave nothing of the environment's settings.
set -euo pipefail

for name in "${!UNPAGED_@}" LD_PRELOAD; do
        unset "$name"
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
cd "$work"
mkdir bin lib
cp "$LAUNCHER" bin/unpaged
cp "$FAKE_PRELOAD" bin/libunpaged-preload.so
unpaged=$work/bin/unpaged
library=$work/bin/libunpaged-preload.so
export FAKE_PRELOAD_OUT=$work/record

# --require, where it can be met.
require=(--require)
"$unpaged" check >/dev/null || require=()

checks=0
failures=0
skips=0

# launch ARGUMENT...: leaves status, and the files out, err and record (what the library saw). With
# `path` set, that is PATH for the launcher alone.
launch() {
        rm -f "$FAKE_PRELOAD_OUT"
        status=0
        PATH=${path-$PATH} "$unpaged" "$@" >"$work/out" 2>"$work/err" || status=$?
}

fail() {
        failures=$((failures + 1))
        {
                echo "FAILED (line ${BASH_LINENO[1]}): $1"
                echo "  status $status"
                sed 's/^/  out: /;20q' "$work/out"
                sed 's/^/  err: /;20q' "$work/err"
                [ ! -f "$FAKE_PRELOAD_OUT" ] || sed 's/^/  seen: /;20q' "$FAKE_PRELOAD_OUT"
        } >&2
}

# check WORDS COMMAND...: the command must succeed.
check() {
        checks=$((checks + 1))
        "${@:2}" || fail "$1"
}

# never WORDS COMMAND...: it must not.
never() {
        checks=$((checks + 1))
        ! "${@:2}" || fail "$1"
}

ended() { # STATUS
        check "ends with $1" [ "$status" -eq "$1" ]
}

saw() { # LINE: the preloaded library saw it, in the one process there was
        check "the program has $1" grep -qxF -- "$1" "$FAKE_PRELOAD_OUT"
}

silent() {
        check "nothing on standard error" [ ! -s "$work/err" ]
}

# refused WORDS...: an error of `unpaged run`, one line that has all of these, and no program was run.
refused() {
        ended 125
        complained "$@"
}

# misused WORDS...: the same of the other commands.
misused() {
        ended 2
        complained "$@"
}

complained() {
        check "one line" [ "$(wc -l <"$work/err")" -eq 1 ]
        check "begins with our name" grep -q '^unpaged: ' "$work/err"
        check "nothing on standard output" [ ! -s "$work/out" ]
        for word in "$@"; do
                check "says: $word" grep -qF -- "$word" "$work/err"
        done
        never "ran the program" [ -e "$FAKE_PRELOAD_OUT" ]
}

skip() {
        skips=$((skips + 1))
        echo "skipped: $1"
}

# The end of every test: 77 where not a single check could be made.
finish() {
        echo "$checks checks, $failures failures, $skips skipped"
        [ "$failures" -eq 0 ] || exit 1
        [ "$checks" -gt 0 ] || exit 77
        exit 0
}

# As a user without any privilege.
unprivileged() {
        if [ "$(id -u)" -ne 0 ]; then
                "$@"
        else
                setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all -- "$@"
        fi
}
