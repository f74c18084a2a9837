#!/bin/bash
# SPDX-License-Identifier: MIT
# histograms.sh PROGRAM: --histograms=FILE.svg draws a picture that can be read (picture.awk), of what was
# measured and nothing else; other formats are refused.
set -euo pipefail
program=$1
checker=$(cd "$(dirname "$0")" && pwd)/../launcher/picture.awk
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

fail() {
        echo "FAILED: $1" >&2
        sed 's/^/  /' said >&2
        exit 1
}

"$program" --test=demand_paging --histograms=h.svg >said 2>&1 || fail "the program ends with $?"
awk -f "$checker" h.svg >said || fail "h.svg cannot be read"
! command -v xmllint >/dev/null || xmllint --noout h.svg 2>said || fail "h.svg is no XML"
cp h.svg said
grep -q '>Paging of zephyr-lru<' h.svg || fail "the title is not the program's name"
grep -q 'prefers-color-scheme:dark' h.svg || fail "it is for light pages only"
[ "$(grep -c 'class="heading"' h.svg)" -eq 3 ] || fail "not three histograms"

# Where nothing is paged there is no picture.
"$program" --test=demand_paging::test_map_anon_pages --histograms=none.svg >said 2>&1 || fail "it ends with $?"
grep -q 'none.svg is not written: nothing was paged' said || fail "nothing is said of nothing"
[ ! -e none.svg ] || fail "a picture of nothing"

status=0
"$program" --histograms=x.png >said 2>&1 || status=$?
[ "$status" -eq 2 ] || fail "x.png: ends with $status, not 2"
grep -q '\.svg' said || fail "x.png: nothing is said of .svg"
[ ! -e x.png ] || fail "x.png is written"
echo "3 histograms"
