# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034,SC2154
# A fork after which parent and child both go on using the data, and grandchildren; each writes what
# it has. Whoever ends first: both orders.
packages="python3"
large=yes
needs="python3"
processes=4

prepare() {
        scaled 20000 >count
}

program() {
        "$@" python3 "$here/sources/forks.py" "$(<"$input/count")"
}
