# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034,SC2154
# A large C file; the compiler proper is a child of the driver, found by its own path.
packages="gcc"
large=yes
needs="gcc"

prepare() {
        generate c 0.08 >big.c
}

program() {
        "$@" gcc -O2 -c "$input/big.c" -o big.o
}
