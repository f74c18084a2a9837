# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034,SC2154
# A write barrier by mprotect and SIGSEGV, an alternate stack from malloc that catches a stack
# overflow, signals by the hundred, and the end by one.
packages="gcc libc6-dev"
needs="$CC"

prepare() {
        compile signals.c
}

program() {
        "$@" "$input/signals" "$(scaled 16)" abort
        "$@" "$input/signals" "$(scaled 16)" segv
        "$@" "$input/signals" "$(scaled 16)" kill-child
}
