# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034,SC2154
# The largest preset: a match finder that leaps about in a dictionary of 64 MiB.
packages="xz-utils"
needs="xz"

prepare() {
        generate mixed 1 8 >data
}

program() {
        "$@" xz -T1 -9 -c "$input/data" >data.xz
}
