# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034,SC2154
# Two threads at a high level with a long window, there and back.
packages="zstd"
large=yes
needs="zstd"

prepare() {
        generate mixed 0.5 10 >data
}

program() {
        "$@" zstd -q -T2 --ultra -20 --long=20 -c "$input/data" >data.zst
        "$@" zstd -q -d --long=20 -c data.zst | cmp - "$input/data" && echo "the same"
}
