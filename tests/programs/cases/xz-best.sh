# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034,SC2154
# One thread with a large dictionary, there and back.
packages="xz-utils"
large=yes
needs="xz"

prepare() {
        generate mixed 0.5 8 >data
}

program() {
        "$@" xz -T1 --lzma2=preset=6,dict=2MiB -c "$input/data" >data.xz
        "$@" xz -dc data.xz | cmp - "$input/data" && echo "the same"
}
