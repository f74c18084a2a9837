# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034,SC2154
# Threads by the thousand, memory that one allocates and another frees, stacks and thread-local
# variables of all kinds.
packages="gcc libc6-dev"
needs="$CC"

prepare() {
        compile threads.c -pthread
}

program() {
        "$@" "$input/threads" "$(scaled 1500)"
}
