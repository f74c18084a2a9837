#!/bin/bash
# SPDX-License-Identifier: MIT
# allocators.sh PROGRAM LINKED ALLOCATOR WRAPPER: a program that brings an allocator keeps
# it, with all its names, and its memory is paged. PROGRAM is `allocations`, LINKED the same linked
# with the library ALLOCATOR; this and WRAPPER are also preloaded.
# shellcheck source=tests/preload/support.sh
. "$(dirname "$0")/support.sh"

need_paging
us=$(dirname "$LAUNCHER")/libunpaged-preload.so
budget=512K

# same WHAT PRELOADED PROGRAM
same() {
        local what=$1 status=0

        env ${2:+"LD_PRELOAD=$2"} "$3" >plain 2>err || fail "$what: alone it ends with $?" err
        rm -f stats
        limited 60 paged env ${2:+"LD_PRELOAD=$us:$2"} "$3" >out 2>err || status=$?
        [ "$status" -eq 0 ] || fail "$what: paged it ends with $status" err
        cmp -s plain out || fail "$what: the output differs" plain out
        stats_are_sound "$what"
}

same "no allocator" "" "$1"
grep -qx 'an allocator of its own: no' plain || fail "there is one" plain
same "linked" "" "$2"
grep -qx 'an allocator of its own: yes' plain || fail "it is not used" plain
same "preloaded" "$3" "$1"
same "a wrapper" "$4" "$1"
grep -qx 'an allocator of its own: yes' plain || fail "it is not used" plain
finish
