# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034,SC2154
# A buffer much smaller than the input: runs in temporary files, then a merge of them; by a number
# at the end of the line, stable, unique.
packages="coreutils"
large=yes

prepare() {
        generate lines 14 2 >text
}

program() {
        "$@" sort -s -u -S 16M --parallel=2 -k2,3 -k1n "$input/text" -o sorted
}
