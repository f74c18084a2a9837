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

# curve FILE NAME PAGE_SIZE LEAST ENOUGH BUDGET GIVEN FIRST MOST FAULT_NS OTHER_NS
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
has steep.svg 'estimated time, at most (scale of misses)'
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

finish
