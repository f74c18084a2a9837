# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034,SC2154
# A program with AddressSanitizer has its own idea of memory: it runs unpaged, and still finds bugs.
packages="gcc libc6-dev"
needs="$CC"
paged=no

prepare() {
        compile memory.c -fsanitize=address -g || skip "no AddressSanitizer here"
}

program() {
        "$@" "$input/memory" 20
        # Addresses and process numbers of the report differ.
        "$@" "$input/memory" overflow 2>&1 | grep -aE 'ERROR|SUMMARY' | sed 's/==[0-9]*==//; s/0x[0-9a-f]*/N/g'
}
