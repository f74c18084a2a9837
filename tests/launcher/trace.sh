#!/bin/bash
# SPDX-License-Identifier: MIT
# `unpaged trace`: what it makes is the same everywhere and always, goes to other formats and comes
# back as it was, and what is wrong is told.
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=support.sh
. "$here/support.sh"

# ---- generators -----------------------------------------------------------------------------

# The bytes of each kind, once and for all: golden traces depend on them.
while read -r sum kind options; do
        # shellcheck disable=SC2086
        launch trace generate "$kind" --pages 1000 --accesses 20000 $options -o "$kind.trace"
        ended 0
        silent
        check "$kind has the bytes it always had" [ "$(cksum <"$kind.trace")" = "${sum/:/ }" ]
done <<'END'
3063700692:55242 uniform
1266963603:54561 zipf
2158066638:20139 loop
636828763:44354 scan
2587490136:44794 phases
END

launch trace generate uniform --pages 1000 --accesses 20000 --seed 2 -o other.trace
never "another seed, other pages" cmp -s uniform.trace other.trace
launch trace generate uniform --pages 1000 --accesses 20000 --writes 50 -o writes.trace
pages() { # of FILE
        "$unpaged" trace export --text "$1" | awk '/^access/ { print $2 }'
}
check "another share of writes, the same pages" cmp <(pages uniform.trace) <(pages writes.trace)

# zipf: page of rank k in proportion to k^-0.8, within four standard deviations for the first ten.
launch trace generate zipf --pages 1000 --accesses 200000 --alpha 0.8 -o zipf8.trace
pages zipf8.trace | sort | uniq -c | sort -rn >popular
check "zipf is zipf" awk '
        BEGIN {
                for (k = 1; k <= 1000; k++)
                        all += k ^ -0.8
        }
        NR <= 10 {
                want = 200000 * NR ^ -0.8 / all
                if (($1 - want) ^ 2 > 16 * want)
                        exit 1
        }' popular
check "scan: half of the accesses to a tenth of the pages" awk '
        { hot += length($1) == 1 || (length($1) == 2 && $1 "" < "64") }
        END { exit hot < 9700 || hot > 10300 }' <(pages scan.trace)

# ---- info -----------------------------------------------------------------------------------

launch trace info loop.trace scan.trace
ended 0
silent
check "counts" grep -qE '^  accesses +20000  of them 3915 modified, 1000 first touches$' out
check "the footprint" grep -qE '^  footprint +1000  pages at once, 3\.9 MiB$' out
check "a loop costs a byte each" grep -q 'bytes, 1\.00 each' out
check "both files" [ "$(grep -c '\.trace: ' out)" -eq 2 ]

# A page's life ends where it is forgotten, and what is moved is the same page.
cat >life.text <<'END'
#frames 8
#policy lru
#origin made by hand
fault 10 dirty
fault 11
ahead 12
queued 10 dirty
rescued 10 dirty
written 11 dirty
left 10 dirty
fault 10
returned 11
gap 3
time 2500000
moved 11 2 20
forgotten 0 1000000000000
frames 4
fault 10
end 14
END
launch trace import --text life.text -o life.trace
ended 0
launch trace info life.trace
ended 0
silent
check "the footprint" grep -qE '^  footprint +3  pages' out
check "faults: on the page that had left its frame, no first touch" grep -qE \
        '^  faults +4  of them 1 modified, 3 first touches$' out
check "pages" grep -qE '^  pages +5$' out
check "what was lost" grep -qE '^  lost events +3$' out
check "what was forgotten: three were there" grep -qE '^  forgotten +3$' out
check "what was moved: two were there" grep -qE '^  moved +2$' out
check "time" grep -qE '^  time +2\.500  seconds$' out

# A range may be as long as numbers are; what was where it goes is forgotten.
far=1152921504606846976
printf '%s\n' 'fault 10' 'fault 11' 'fault 5000' 'fault 2000000000000011' "moved 0 $far 2000000000000000" \
        'fault 10' "forgotten 0 $far" 'end 7' >far.text
launch trace import --text far.text -o far.trace
ended 0
launch trace info far.trace
ended 0
silent
check "three were moved" grep -qE '^  moved +3$' out
check "one had come back" grep -qE '^  forgotten +1$' out
check "four at once" grep -qE '^  footprint +4  pages' out

# ---- the traces that ship ----------------------------------------------------------------------

for file in "$here"/../../bench/traces/*.trace; do
        name=$(basename "$file" .trace)
        launch trace info "$file"
        ended 0
        silent
        check "$name: below 100 KiB" [ "$(stat -c %s "$file")" -lt 102400 ]
        check "$name: is in the README" grep -qF "| \`$name\` |" "${file%/*}/README.md"
        check "$name: many more pages than it was recorded with" awk '
                / pool of / { frames = $0; sub(/.* pool of /, "", frames) }
                /^  footprint/ { exit $2 < 10 * (frames + 0) }' out
done
check "there are some" [ "$(ls "$here"/../../bench/traces/*.trace | wc -l)" -ge 6 ]

# ---- there and back -------------------------------------------------------------------------

for file in *.trace; do
        launch trace export --text -o text "$file"
        ended 0
        launch trace import --text -o back text
        ended 0
        check "$file: text and back" cmp -s "$file" back
done
launch trace export --text life.trace
check "text is what it was" cmp <(grep -v '^#' out) <(grep -v '^#' life.text)
for kind in uniform zipf loop scan phases; do
        launch trace export --oracle-general -o records "$kind.trace"
        check "24 bytes an access" [ "$(stat -c %s records)" -eq 480000 ]
        launch trace import --oracle-general records -o back
        ended 0
        check "$kind: the same pages" cmp <(pages "$kind.trace") <(pages back)
        launch trace export --oracle-general back -o again
        check "$kind: the same records" cmp -s records again
done

# The records themselves: time, page, size, the number of the next access.
printf 'fault 5\nleft 5\ntime 3000000\nrescued 6\nahead 7\naccess 5\nend 5\n' >short.text
launch trace import --text short.text -o short.trace
launch trace export --oracle-general short.trace -o records
check "the records are right" [ "$(od -An -v -w24 -tx1 records | tr -d ' \n')" = "$(printf '%s' \
        00000000 0500000000000000 00100000 0300000000000000 \
        03000000 0600000000000000 00100000 ffffffffffffffff \
        03000000 0500000000000000 00100000 ffffffffffffffff)" ]

# Pipes.
check "pipes" cmp <("$unpaged" trace generate loop --pages 50 --accesses 99 |
        "$unpaged" trace export --text - | "$unpaged" trace import --text - |
        "$unpaged" trace export --oracle-general -) \
        <("$unpaged" trace generate loop --pages 50 --accesses 99 |
                "$unpaged" trace export --oracle-general -)

# ---- what is wrong --------------------------------------------------------------------------

# wrong STATUS 'arguments' WORDS...
wrong() {
        # shellcheck disable=SC2086
        launch trace $2
        ended "$1"
        check "one line" [ "$(wc -l <err)" -eq 1 ]
        for word in "${@:3}"; do
                check "says: $word" grep -qF -- "$word" err
        done
}

printf 'this is no trace%.0s' 1 2 3 4 5 6 7 >none # but longer than a header
head -c 5000 uniform.trace >cut
wrong 2 '' '--help'
wrong 2 'look' 'look' '--help'
wrong 2 'info' 'info [--json] FILE'
wrong 2 'info --bogus' '--bogus' '--help'
wrong 2 'info --output' '--output' 'needs a value'
wrong 2 'info --text short.trace' 'no format'
wrong 2 'info --pages 4 short.trace' '--pages' 'generate'
wrong 2 'export short.trace' '--text or --oracle-general'
wrong 2 'export --text short.trace short.trace' 'export' 'FILE'
wrong 2 'generate spiral --pages 4 --accesses 4 -o x' 'spiral' 'no such kind'
wrong 2 'generate loop --accesses 4 -o x' '--pages'
wrong 2 'generate loop --pages 4x --accesses 4 -o x' '--pages 4x' 'number'
wrong 2 'generate zipf --pages 4 --accesses 4 --alpha 0.1234567 -o x' '--alpha' 'six decimals'
wrong 2 'generate scan --pages 4 --accesses 4 --hot 4 -o x' '--hot'
wrong 2 'generate phases --pages 4 --accesses 4 --window 5 -o x' '--window'
wrong 1 'info nowhere' 'nowhere' 'No such file'
wrong 1 'info none' 'none: not a trace'
wrong 1 'export --text none' 'none: not a trace'
wrong 1 'import --text none -o x' 'none: line 1'
wrong 1 'import --oracle-general /dev/null -o x' '24 bytes'
wrong 1 'generate loop --pages 4 --accesses 4 -o /nowhere/x' '/nowhere/x' 'No such file'
wrong 0 'info cut' 'cut: the trace ends before its time'
if [ -w /dev/full ]; then
        wrong 1 'export --text uniform.trace -o /dev/full' '/dev/full' 'No space left'
        wrong 1 'generate loop --pages 9 --accesses 99999 -o /dev/full' '/dev/full' 'No space left'
fi
for line in 'fault' 'fault xyz' 'fault -1' 'fault 1 2' 'gap' 'moved 1 2' 'end 1 1' 'Fault 1' \
        'fault 10000000000000000' '#flags odd' '#page-size 0' '#queue 101'; do
        printf '#origin x\n%s\n' "$line" >bad
        wrong 1 'import --text bad -o x' 'bad: line 2'
done
launch trace --help
ended 0
silent
check "lines fit a terminal" [ "$(wc -L <out)" -le 100 ]

finish
