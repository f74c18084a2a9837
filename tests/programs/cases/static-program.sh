# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034,SC2154
# A static program cannot be paged: it runs as if nothing had been asked.
packages="gcc libc6-dev"
needs="$CC"
paged=no

prepare() {
        compile memory.c -static || skip "no static libc to link with"
}

program() {
        "$@" "$input/memory" 20 words of its own
}
