#!/bin/bash
# SPDX-License-Identifier: MIT
# unpaged_heap.sh PROGRAM FIRST: a process that is not paged has the C library's heap, as it would
# have alone, for whatever reason it is not. PROGRAM is `heap_of`; FIRST is a library that allocates
# before anything is decided.
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/preload/support.sh
. "$here/support.sh"
# shellcheck source=tests/launcher/policy_objects.sh
. "$here/../launcher/policy_objects.sh"

need_paging
program=$1
"$program" >plain || fail "alone it ends with $?"
! grep -v "the C library's$" plain || fail "alone its heap is not the C library's"

paged "$program" >out || fail "paged it ends with $?"
[ "$(grep -c ': another$' out)" -eq 3 ] || fail "paged its heap is not ours" out

# as_alone WHY COMMAND...
as_alone() {
        "${@:2}" >out 2>err || fail "$1: it ends with $?" err
        cmp -s plain out || fail "$1: its heap differs" plain out
}

run=("$LAUNCHER" run --budget "$budget" --)
name=${program##*/}
# The launcher would do without the library where it sees one of these itself.
as_alone UNPAGED_OFF "${run[@]}" env UNPAGED_OFF=1 "$program"
as_alone UNPAGED_SKIP env UNPAGED_SKIP="$name" "${run[@]}" "$program"
as_alone UNPAGED_ONLY env UNPAGED_ONLY=other "${run[@]}" "$program"
as_alone "a bad setting" "${run[@]}" env UNPAGED_BUDGET=many "$program"
as_alone "too little address space" "${run[@]}" sh -c "ulimit -v 30000000; exec $program"
as_alone "no pool" "${run[@]}" env UNPAGED_SWAP=file:/nowhere "$program"
# A policy is loaded, and memory allocated for it, before there is a pool.
object mine.so <<<"#define CHECKED 0
$common
const struct pg_policy_ops pg_policy = {MEMBERS};"
as_alone "a policy and no pool" "${run[@]}" env UNPAGED_POLICY="$work/mine.so" \
        UNPAGED_MASK_FEATURES=page_4k "$program"
as_alone "--children off" "$LAUNCHER" run --children off --budget "$budget" -- env "$program"

both=LD_PRELOAD=$(dirname "$LAUNCHER")/libunpaged-preload.so:$2
as_alone "an allocation before all" "${run[@]}" env "$both" UNPAGED_OFF=1 "$program"
paged env "$both" "$program" >out || fail "paged, with an allocation before all, it ends with $?"
[ "$(grep -c ': another$' out)" -eq 3 ] || fail "with an allocation before all its heap is not ours" out
finish
