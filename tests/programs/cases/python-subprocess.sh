# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034,SC2154
# Hundreds of children by vfork and exec from a large process, with all descriptors closed in them,
# pipes both ways, some of them killed.
packages="python3"
large=yes
needs="python3"

prepare() {
        scaled 250000 >count
}

program() {
        "$@" python3 "$here/sources/subprocesses.py" "$(<"$input/count")"
}
