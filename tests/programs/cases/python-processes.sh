# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034,SC2154
# multiprocessing: pools by fork and by spawn, a queue, shared memory.
packages="python3"
large=yes
needs="python3"

prepare() {
        scaled 40000 >count
}

program() {
        "$@" python3 "$here/sources/processes.py" "$(<"$input/count")"
}
