# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034,SC2154
# Two threads, each with a block of its own.
packages="xz-utils"
large=yes
needs="xz"

prepare() {
        generate mixed 0.8 9 >data
}

program() {
        "$@" xz -T2 --block-size=200KiB -3 -c "$input/data" >data.xz
        "$@" xz -T2 -dc data.xz | cmp - "$input/data" && echo "the same"
}
