# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034,SC2154
# All lines in memory, two threads.
packages="coreutils"
large=yes

prepare() {
        generate lines 9 >text
}

program() {
        "$@" sort --parallel=2 -S 1G "$input/text" -o sorted
}
