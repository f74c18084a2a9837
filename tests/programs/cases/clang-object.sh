# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034,SC2154
# A large C file in a compiler whose memory comes in large pieces of its own dividing.
packages="clang"
large=yes
needs="clang"
ceiling=8

prepare() {
        generate c 0.08 >big.c
}

program() {
        "$@" clang -O2 -c "$input/big.c" -o big.o
}
