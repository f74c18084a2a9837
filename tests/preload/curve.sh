#!/bin/bash
# SPDX-License-Identifier: MIT
# What `unpaged run --curve` tells of programs: one picture and one sentence for each that matters,
# and that what it says is enough is enough.
# shellcheck source=tests/preload/support.sh disable=SC2016
. "$(dirname "$0")/support.sh"

need_paging
need perl
budget=${BUDGET:-2M} # as little as perl has use for
sum='my @a = map { $_ * 2 } 1 .. 100000; for (1 .. 20) { $s += $_ for @a } print "$s\n"'
plain=$(perl -e "$sum")

# curved FILE PROGRAM...: the output must be that of the plain run.
curved() {
        options=(--curve "$1")
        rm -f stats
        paged "${@:2}" >out 2>err || return
        grep -qx "$plain" out || fail "the output differs" out err
}

picture() { # FILE NAME: a picture of the program
        [ -s "$1" ] || { fail "there is no $1"; return; }
        ! command -v xmllint >/dev/null || xmllint --noout "$1" 2>xml || fail "$1 is no XML" xml
        grep -q "How much memory does $2 need?" "$1" || fail "$1 is not of $2" "$1"
}

sentences() {
        grep -c '^unpaged: .* [KM]iB would have ' err || true
}

# ---- a program ---------------------------------------------------------------------------------

curved c.svg perl -e "$sum" || fail "perl ends with $?" err
picture c.svg perl
[ "$(sentences)" -eq 1 ] || fail "$(sentences) sentences, not one" err
grep -q '^unpaged: perl: [0-9.]* MiB would have been needed to run at most 5 % slower' err || fail "not what it needs" err
grep -q '>budget: 2 MiB<' c.svg || fail "the budget is not marked as it was given"
sufficient=$(told sufficient_bytes)
grep -q "^unpaged: perl: $(awk -v n="$sufficient" 'BEGIN { n /= 1048576; print sprintf(n < 10 ? "%.2f" : "%.1f", n) + 0 }') MiB" err ||
        fail "the statistics say something else: $sufficient" err
before=$(told pages_in)

# With that, the sixteenth that are buffers, and a third for what the default policy does worse than the
# estimate and a busy machine does to times, hardly anything comes back from the store.
budget=$((sufficient * 4 / 3))
curved c.svg perl -e "$sum" || fail "perl ends with $? in $budget bytes" err
[ "$(told pages_in)" -le $((before / 10)) ] ||
        fail "with $budget bytes still $(told pages_in) pages come in, of $before" err
grep -q '^unpaged: perl: [0-9.]* MiB would have sufficed' err || fail "not that it sufficed" err
budget=2M

# ---- processes ---------------------------------------------------------------------------------

# A shell that executes another program in its place has nothing to tell. What is there is replaced
# by the picture, not before: a process that is killed leaves it.
echo 'an old one' >c.svg
curved c.svg sh -c 'kill -KILL $$' && fail "sh was not killed"
grep -qx 'an old one' c.svg || fail "a process that drew nothing has replaced the picture" c.svg
curved c.svg sh -c 'exec perl -e "$1"' sh "$sum" || fail "sh ends with $?" err
picture c.svg perl
[ "$(sentences)" -eq 1 ] || fail "$(sentences) sentences of sh and perl" err
[ "$(echo c.svg*)" = c.svg ] || fail "there is more than c.svg: $(echo c.svg*)"

# Children that had to give up pages have files of their own; others have none.
rm -f c.svg
curved c.svg sh -c '/bin/echo >&2; perl -e "$1"; exit $?' sh "$sum" || fail "sh ends with $?" err
picture c.svg sh
[ "$(find . -name 'c.svg.*.svg' | wc -l)" -eq 1 ] || fail "not one child: $(echo c.svg*)" err
for file in c.svg.*.svg; do
        picture "$file" perl
done
[ "$(sentences)" -eq 2 ] || fail "$(sentences) sentences of two processes" err

# ---- files -------------------------------------------------------------------------------------

echo old >c.svg
curved c.svg perl -e "$sum" || fail "perl ends with $? over an old file" err
picture c.svg perl
curved "$work" perl -e "$sum" && fail "a folder is taken for a file"
grep -q "curve $work: " err || fail "nothing is said of a folder" err
curved /nonexistent/c.svg perl -e "$sum" && fail "a folder that is not there is taken"
grep -q 'No such file' err || fail "nothing is said of a missing folder" err

finish
