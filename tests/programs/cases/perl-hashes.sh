# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034,SC2154
# Hashes of hashes and of arrays, strings that grow, a sort, a regular expression over it all.
packages="perl"
large=yes
needs="perl"

prepare() {
        generate lines 0.3 5 >text
}

program() {
        "$@" perl "$here/sources/hashes.pl" "$input/text"
}
