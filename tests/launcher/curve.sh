#!/bin/bash
# SPDX-License-Identifier: MIT
# `unpaged curve`: the table of known traces to the digit, a picture that is XML, and what is said of
# traces and options that are wrong.
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=support.sh
. "$here/support.sh"

generate() { # FILE KIND OPTION...
        "$unpaged" trace generate "${@:2}" -o "$1"
}

import() { # FILE, text on standard input
        "$unpaged" trace import --text - -o "$1"
}

says() { # WORDS
        check "says: $1" grep -qF -- "$1" out
}

row() { # MEMORY MISSES AGAIN TIME
        check "has the row $*" grep -qE "^ +${1/./\\.} +$2 +$3 +${4/./\\.}x" out
}

# Well formed as far as can be seen without a parser: tags are balanced, and nothing stands bare.
is_xml() {
        if command -v xmllint >/dev/null; then
                xmllint --noout "$1"
        else
                sed 's/<style>.*<\/style>//' "$1" | awk '
                        { text = text $0 "\n" }
                        END {
                                while (match(text, /<[^>]*>/)) {
                                        if (substr(text, 1, RSTART - 1) ~ /&[a-z#]*([^a-z#;]|$)|>/) exit 1
                                        tag = substr(text, RSTART + 1, RLENGTH - 2)
                                        text = substr(text, RSTART + RLENGTH)
                                        name = tag
                                        sub(/[ \/].*/, "", name)
                                        if (tag ~ /^\//) { if (open[depth--] != substr(tag, 2)) exit 1 }
                                        else if (tag !~ /\/$/) open[++depth] = name
                                }
                                exit depth != 0
                        }'
        fi
}

# ---- figures -------------------------------------------------------------------------------------

# A loop misses always, or never again.
generate loop.trace loop --pages 256 --accesses 2560 --writes 0
launch curve loop.trace
ended 0
silent
says '2560 accesses'
says '256 first touches; a page takes 10.0 us'
row 0.500 2560 2304 10.00
row 0.875 2560 2304 10.00
row 1.000 256 0 1.00
says 'suffices  first touches only'
says '1 MiB would have sufficed to run at most 5 % slower than with all the memory it could want.'

generate phases.trace phases --pages 512 --accesses 20000 --seed 7 --writes 0
launch curve --fault-ns 25000 phases.trace
ended 0
says 'a page takes 25.0 us'
says '464 first touches'
row 0.016 19382 18918 41.77
row 0.125 14949 14485 32.22
row 0.250 10050 9586 21.66
row 0.438 2909 2445 6.27
row 0.500 779 315 1.68 # the window of a phase
row 1.000 636 172 1.37
row 1.699 486 22 1.05
row 1.793 464 0 1.00

# A pool of 8 frames, 2 of them the victim queue, by hand: pages 1 to 6 come, and the seventh makes the
# first one go.
import pool.trace <<'END'
#page-size 4096
#frames 8
#queue 25
#policy fifo
#origin /usr/bin/<hand>&"eye" -n
fault 1
fault 2
fault 3
fault 4
fault 5
fault 6
queued 1
fault 7
queued 2
fault 8
time 500
queued 3
rescued 2
queued 4
left 1
fault 9
queued 5
fault 1
time 500
end 17
END
launch curve -f 10000 -o pool.svg pool.trace
ended 0
silent
says '11 faults and rescues, seen by a pool of 8 frames (fifo, 25 % victim queue)'
says '9 first touches; a page takes 10.0 us, the rest 0.001 s'
says 'Below 24 KiB nothing is known'
row 0.023 11 2 1.02
row 0.027 10 1 1.01 # page 2 came back behind 6 others
row 0.031 10 1 1.01
row 0.035 9 0 1.00 # page 1, behind 8
check "a picture" is_xml pool.svg
check "the title is the program's name" grep -q '>How much memory does &lt;hand&gt;&amp;"eye" need?<' pool.svg
check "its frames are marked, for of a budget a trace knows nothing" grep -q 'frames: 32 KiB' pool.svg
check "it knows what it does not know" grep -q 'not seen by this run' pool.svg

# Two programs, one answer: the simulator's LRU.
shipped=$here/../../bench/traces
generate zipf.trace zipf --pages 4000 --accesses 60000
for trace in zipf.trace "$shipped"/{perl,sqlite,gawk}.trace; do
        "$unpaged" sim --policy fifo --budget 512K --budget 1M "$trace" >sim
        read -r half whole <<<"$(awk '$1 == "LRU" { print $2, $4 }' sim)"
        launch curve "$trace"
        ended 0
        check "LRU of $trace with 512K is $half" grep -qE "^ +0\.500 +[0-9]+ +$half " out
        check "LRU of $trace with 1M is $whole" grep -qE "^ +1\.000 +[0-9]+ +$whole " out
done
launch curve "$shipped/perl.trace"
says 'touches, seen by a pool of 30 frames'
says 'Below 120 KiB nothing is known'
status=0
# shellcheck disable=SC2002
cat "$shipped/perl.trace" | "$unpaged" curve - >out 2>err || status=$?
ended 1
check "what left is missing" grep -q 'what left cannot come through a pipe' err

launch curve -o - loop.trace
ended 0
cp out loop.svg
check "a picture on standard output, and nothing else" is_xml loop.svg
check "begins with svg" grep -q '^<svg ' <(head -n 1 loop.svg)
launch curve - <phases.trace
ended 0
says '20000 accesses'

# A range may be as long as numbers are; pages that were moved are not new under their names.
import far.trace <<END
fault 10
fault 11
fault 5000
fault 2000000000000011
left 10
left 11
left 5000
moved 0 1152921504606846976 2000000000000000
fault 2000000000000010
fault 2000000000000011
fault 2000000000005000
fault 10
end 12
END
launch curve far.trace
ended 0
silent
says '5 first touches'

# ---- what is wrong -------------------------------------------------------------------------------

wrong() { # STATUS "argument..." WORDS...
        # shellcheck disable=SC2086
        launch curve $2
        ended "$1"
        check "one line" [ "$(wc -l <err)" -eq 1 ]
        for word in "${@:3}"; do
                check "says: $word" grep -qF -- "$word" err
        done
}

wrong 2 '' 'which trace' '--help'
wrong 2 'a b' 'one trace' '--help'
wrong 2 '--bogus' '--bogus' '--help'
wrong 2 'loop.trace -o' '-o' 'needs a value'
for name in x.png x.PDF d.svg/x.jpeg; do
        wrong 2 "-o $name loop.trace" "--output $name" '.svg'
        check "$name is not written" [ ! -e "$name" ]
done
wrong 2 '--fault-ns 0 loop.trace' '--fault-ns 0' 'from 1'
wrong 2 '--fault-ns -5 loop.trace' '--fault-ns -5'
wrong 2 '--fault-ns 5us loop.trace' '--fault-ns 5us'
wrong 1 'nothing.trace' 'nothing.trace' 'No such file'
wrong 1 '/dev/null' '/dev/null'
wrong 1 'loop.trace -o /nonexistent/a.svg' '/nonexistent/a.svg' 'No such file'
import empty.trace </dev/null
wrong 1 'empty.trace' 'nothing is touched'

head -c 400 loop.trace >cut.trace
launch curve cut.trace
ended 0
check "a trace that was cut is read as far as it goes" grep -q 'cut.trace' err
if [ -w /dev/full ]; then
        launch curve loop.trace -o /dev/full
        ended 1
        check "a full disk" grep -q 'No space left' err
fi
launch curve --help
ended 0
says '--fault-ns'

finish
