# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034,SC2154
# A garbage-collected heap of its own in reserved address space, code that is written while it runs.
packages="nodejs"
large=yes
needs="node"

prepare() {
        :
}

program() {
        "$@" node "$here/sources/heap.js" "$(scaled 120000)"
}
