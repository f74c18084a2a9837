# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034,SC2154
# Large dictionaries, sets and lists; the garbage collector; sizes that grow by realloc.
packages="python3"
large=yes
needs="python3"

prepare() {
        generate lines 1.2 4 >text
}

program() {
        "$@" python3 "$here/sources/dicts.py" "$input/text"
}
