#!/bin/bash
# SPDX-License-Identifier: MIT
# Every picture can be read: no text covers another, leaves the canvas, or lies on a curve
# (picture.awk); logarithmic scales say so; light and dark pages have colours of their own.
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=support.sh
. "$here/support.sh"

status=0
: >out
: >err

readable() { # PICTURE
        check "$1 can be read" awk -f "$here/picture.awk" "$1"
        check "$1 has colours for dark pages" grep -q '@media(prefers-color-scheme:dark)' "$1"
}

has() { # PICTURE WORDS
        check "$1 has: $2" grep -qF -- ">$2<" "$1"
}

lacks() { # PICTURE WORDS
        never "$1 has: $2" grep -qF -- "$2" "$1"
}

# The checker sees what it is there for.
spoilt() { # WORDS ELEMENT...
        {
                echo '<svg viewBox="0 0 100 40">'
                echo '<line class="frame" x1="0" y1="39" x2="100" y2="39"/>'
                echo '<text class="tick" x="10" y="20" text-anchor="start">words</text>'
                printf '%s\n' "${@:2}"
        } >spoilt.svg
        never "$1 goes unseen" awk -f "$here/picture.awk" spoilt.svg >seen
        check "$1 is named" grep -q "$1" seen
}

spoilt overlaps '<text class="tick" x="50" y="22" text-anchor="end">more</text>'
spoilt leaves '<text class="tick" x="90" y="35" text-anchor="start">more</text>'
spoilt crosses '<path class="curve" d="M0 0L100 39"/>'
spoilt 'in a panel' '<rect class="panel" x="0" y="0" width="12" height="30"/>'

# ---- curves --------------------------------------------------------------------------------------

# curve FILE NAME PAGE_SIZE LEAST ENOUGH BUDGET GIVEN FIRST MOST FAULT_NS OTHER_NS [DOUBT LEFT LEAVE_NS]
curve() {
        status=0
        "$DRAW_CURVE" "${@:2}" >"$1" 2>err || status=$?
        cp "$1" out
        ended 0
        readable "$1"
}

mib=$((1 << 20))
curve plain.svg python3 4096 3200 13600 4032 $((16 * mib)) 1700 7500 10000 120000000
has plain.svg 'How much memory does python3 need?'
has plain.svg 'budget: 16 MiB'
has plain.svg 'misses'
has plain.svg 'memory (MiB)'
lacks plain.svg '15.8 MiB'
lacks plain.svg logarithmic
curve steep.svg sort 4096 1 300000 4032 $((16 * mib)) 10 9000000 10000 0
has steep.svg 'misses (logarithmic)'
has steep.svg 'memory (MiB, logarithmic)'
has steep.svg 'estimated time, at most (logarithmic)'
lacks steep.svg 'what it may be'
curve leaving.svg leaving 4096 3200 13600 4032 $((16 * mib)) 1700 7500 10000 120000000 15 20000 20000
has leaving.svg 'estimated time'
has leaving.svg 'what it may be'
has leaving.svg '1 ×'
curve far-off.svg far-off 4096 3200 13600 4032 $((16 * mib)) 1700 750000 10000 120000000 40 20000 20000
has far-off.svg 'estimated time (logarithmic)'
curve short.svg short 4096 3200 13600 4032 $((16 * mib)) 1700 7500 0 120000000
lacks short.svg 'estimated time'
curve flat.svg true 4096 900 900 1000 $((4 * mib)) 120 120 9000 5000000
curve near.svg near 4096 3200 4033 4032 $((16 * mib)) 1700 2500 10000 1
curve far.svg far 4096 3200 4033 4032000 $((16384 * mib)) 1700 2500 10000 1
has far.svg 'budget: 16 GiB'
curve tiny.svg tiny 4096 50 70 60 $((256 << 10)) 60 90 10000 0
has tiny.svg 'budget: 256 KiB'
curve huge.svg huge 2097152 1 90000000 2000000 $((4096000000000 * 1024)) 3000000 4000000000 99999 1
curve one.svg one 4096 1 1 0 0 1 1 10000 0
curve none.svg none 4096 1 1 0 0 0 0 0 0
curve long.svg 'a-program-with-<a>-name-that-&-goes-on-and-on-and-on-and-on-and-on' 4096 3200 13600 4032 \
        16777215 170000000 170000001 1234567 98765432123456
curve budgetless.svg ünïcödé 4096 1 5000 0 0 100 90000 10000 0
lacks budgetless.svg '>budget'

# ---- heat ----------------------------------------------------------------------------------------

# trace FILE: as text on standard input
trace() {
        "$unpaged" trace import --text - -o "$1"
}

# heat FILE.trace: drawn wide and narrow
heat() {
        local width name
        name=$(basename "$1" .trace)
        for width in 920 460 1400; do
                launch trace heat "$1" --width $width -o "$name-$width.svg"
                ended 0
                silent
                readable "$name-$width.svg"
        done
}

# Two mappings, 16 frames; after the first 16 pages, each fault makes the oldest page go. A fault and an
# eviction every 10 ms: 100 a second.
awk 'BEGIN {
        print "#page-size 4096\n#frames 16\n#policy fifo\n#origin /usr/bin/<two> -x"
        for (i = 0; i < 400; i++) {
                page[i] = sprintf("%x", (i % 2 ? 4096 : 1048576) + int(i / 2) % 40)
                if (i >= 16)
                        print "left", page[i - 16]
                print "fault", page[i]
                print "time 10000"
        }
        print "forgotten 1000", 40
        print "end 785"
}' | trace two.trace
heat two.trace
has two-920.svg 'Pages of &lt;two&gt;'
has two-920.svg '400 faults, 384 evictions in 4.000 s; a pool of 16 frames of 4 KiB, fifo.'
has two-920.svg '1000000'
has two-920.svg '100000000'
has two-920.svg '160 KiB'
has two-920.svg 'memory (KiB)'
has two-920.svg 'faults a second'
has two-920.svg 'time (s)'
has two-920.svg 'in the swap store'
check "the shades are logarithmic, and say so" grep -q 'events of a kind in a cell (logarithmic)<' two-920.svg
lacks two-920.svg rescues

says() { # WORDS
        check "says: $1" grep -qF -- "$1" out
}

launch trace heat two.trace
ended 0
silent
says 'Pages of <two>: 400 faults, 384 evictions in 4.000 s; a pool of 16 frames of 4'
says '              160 KiB |'
says '            100000000 |'
says '              1000000 |'
says '             resident |'
says '          top: 64 KiB |' # 16 frames
says 'in swap, uncompressed |'
says '         top: 260 KiB |' # the other 64 of 80 pages, and the one that comes next
says '      faults a second |'
check "about 100 faults a second" grep -qE '^ +top: (9[0-9]|1[01][0-9])(\.[0-9])? \|' out
check "no line is wider than 80" [ "$(awk 'length($0) > 80' out | wc -l)" -eq 0 ]
cp out whole
status=0
# shellcheck disable=SC2002
cat two.trace | "$unpaged" trace heat - >out 2>err || status=$?
ended 0
check "a pipe shows the same" cmp out whole
launch trace heat --width 48 two.trace
ended 0
check "no line is wider than 48" [ "$(awk 'length($0) > 48' out | wc -l)" -eq 0 ]
check "lines are as wide as 48" [ "$(awk 'length($0) == 48' out | wc -l)" -gt 0 ]

# To the letter: four pages, by event. A first fault of each, a rescue, two writes, an eviction.
trace tiny.trace <<'END'
#page-size 4096
#frames 4
#policy fifo
fault 10
fault 11
fault 12
fault 13
rescued 10
written 11
written 11
left 13
end 8
END
heat tiny.trace
has tiny-920.svg 'Pages of tiny.trace'
has tiny-920.svg 'events (the trace has no times)'
lacks tiny-920.svg 'faults a second'
launch trace heat tiny.trace
cat >wanted <<'END'
                      +--------
                      |   F   E
                      |   F   E
                      |   F   E
                      |   F   E
                      |   F   E
                      |   F   E
                      |  F
                      |  F
                      |  F
                      |  F
                      |  F
                      |  F
                      | F   WW
                      | F   WW
                      | F   WW
                      | F   WW
                      | F   WW
                      | F   WW
                      |F   R
                      |F   R
                      |F   R
                      |F   R
               16 KiB |F   R
                10000 |F   R
                      +--------
END
sed -n '/^ *+/,/^ *+/p' out | head -n 26 | sed 's/ *$//' >cells
check "each cell has its letter" diff wanted cells
says '          top: 16 KiB |'
says '           top: 4 KiB |'

# Many mappings, close and far, of one page and of many.
awk 'BEGIN {
        srand(5)
        print "#page-size 4096\n#frames 64\n#policy sieve\n#origin many"
        for (m = 0; m < 40; m++)
                base[m] = int(rand() * 2 ^ 35)
        for (i = 0; i < 20000; i++) {
                m = int(rand() * 40)
                number = base[m] + int(rand() * rand() * m * 5)
                # In two halves: the %x of some awks has 32 bits.
                page[i] = sprintf("%x%05x", int(number / 2 ^ 20), number % 2 ^ 20)
                print "fault", page[i]
                if (i >= 64)
                        print "left", page[i - 64]
                if (i % 20 == 0)
                        print "time 4000"
        }
        print "end 39936"
}' | trace many.trace
heat many.trace
check "twelve bands" [ "$(grep -cE '>[0-9a-f]{8,12}(<| [0-9.]+ .iB<)' many-920.svg)" -eq 12 ]

# Everything everywhere: the picture stays small, and memory small, too.
awk 'BEGIN {
        srand(3)
        split("fault rescued written left", kinds, " ")
        print "#page-size 4096\n#frames 300\n#policy sieve\n#origin noise"
        for (i = 0; i < 40000; i++) {
                kind = kinds[1 + int(rand() * 4)]
                page = sprintf("%x", int(rand() * 20000))
                for (n = 2 ^ int(rand() * 6); n > 0; n--)
                        print kind, page
                print "time 4000"
        }
        print "end 9"
}' | "$unpaged" trace import --text - -o noise.trace 2>/dev/null
launch trace heat -o noise.svg noise.trace
ended 0
readable noise.svg
check "less than 500 KB" [ "$(stat -c %s noise.svg)" -lt 500000 ]
check "more than a tenth of it" [ "$(stat -c %s noise.svg)" -gt 50000 ]

# What is not in a trace has no panel.
"$unpaged" trace generate zipf --pages 3000 --accesses 20000 -o zipf.trace
heat zipf.trace
has zipf-920.svg 'Pages of zipf'
has zipf-920.svg reads
has zipf-920.svg writes
lacks zipf-920.svg memory
lacks zipf-920.svg 'faults a second'
heat "$here/../../bench/traces/sqlite.trace"
launch trace heat -o - "$here/../../bench/traces/sqlite.trace"
ended 0
lacks out '>memory'
launch trace heat "$here/../../bench/traces/sqlite.trace"
ended 0
never "memory of which nothing is known" grep -q resident out

launch trace heat -o x.png two.trace
misused --output x.png .svg
check "nothing is written" [ ! -e x.png ]
launch trace heat --width 47 two.trace
misused --width 47 48
launch trace heat --width 100 -o x.svg two.trace
misused --width 100 460
launch trace info --width 100 two.trace
misused --width heat
launch trace heat two.trace tiny.trace
misused 'usage: unpaged trace heat'
launch trace heat nothing.trace
ended 1
complained nothing.trace 'No such file'
trace empty.trace </dev/null
launch trace heat empty.trace
ended 1
complained 'empty.trace: nothing is touched'
launch trace heat -o /nonexistent/x.svg two.trace
ended 1
complained /nonexistent/x.svg 'No such file'
head -c 300 two.trace >cut.trace
launch trace heat cut.trace
ended 0
check "a trace that was cut is shown as far as it goes" grep -q 'cut.trace: the trace ends before' err

finish
