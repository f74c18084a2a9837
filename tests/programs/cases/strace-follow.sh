# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2016,SC2034,SC2154
# A tracer that follows forks, itself paged, and a program below it whose system calls are all
# stopped twice: each must go on where it was, with the memory it had.
packages="strace"
needs="strace"

prepare() {
        generate lines 5 17 >text
        strace -f -o /dev/null true || skip "ptrace is not allowed here"
}

program() {
        "$@" strace -f -qq -o trace sh -c 'sort --parallel=2 -S 1G "$1" -o sorted; exit 9' sh "$input/text"
        grep -c 'exited with 9' trace
        rm trace
}
