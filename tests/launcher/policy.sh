#!/bin/bash
# SPDX-License-Identifier: MIT
# A policy in a shared object is loaded before the program begins, and what is wrong with it is said
# then. The program's processes get its path from the root.
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=support.sh
. "$here/support.sh"
# shellcheck source=policy_objects.sh
. "$here/policy_objects.sh"

object mine.so <<<"#define CHECKED 0
$common const struct pg_policy_ops pg_policy = {MEMBERS, .check = check};"
for word in mine.so ./mine.so "$work/mine.so"; do
        launch run --budget 1M --policy $word true
        ended 0
        silent
        check "the path from the root" grep -qE "^UNPAGED_POLICY=$work/(\./)?mine\.so$" "$FAKE_PRELOAD_OUT"
done
mkdir sub
cp mine.so sub/odd
launch run --policy sub/odd true
ended 0
saw "UNPAGED_POLICY=$work/sub/odd"
UNPAGED_POLICY=$work/mine.so launch run true
ended 0
saw "UNPAGED_POLICY=$work/mine.so"
launch run --policy ./mine.so --policy lru true
saw "UNPAGED_POLICY=lru"

bad() { # FILE WORD...: names the option, or the variable
        launch run --policy "./$1" true
        refused '--policy' "$@"
        UNPAGED_POLICY=$work/$1 launch run true
        refused "UNPAGED_POLICY=$work/$1" "${@:2}"
}

echo text >text.so
bad text.so 'file too short'
bad none.so 'No such file'
object other.so <<<"#define CHECKED 0
$common const struct pg_policy_ops my_policy = {MEMBERS};"
bad other.so 'no symbol `pg_policy`' 'const struct pg_policy_ops'
object lame.so <<<"#define CHECKED 0
$common const struct pg_policy_ops pg_policy = {MEMBERS, .select = 0};"
bad lame.so 'has no `select`'
object sizeless.so <<<"#define CHECKED 0
$common const struct pg_policy_ops pg_policy = {MEMBERS, .size = 8};"
bad sizeless.so '`size`' 'sizeof(struct pg_policy_ops)'
# What it calls must be there when it is loaded: inside a fault is too late.
object unbound.so <<<"#define CHECKED 0
$common void nobody_has_this(void);
static uint32_t late(void *self) { nobody_has_this(); return next(self); }
const struct pg_policy_ops pg_policy = {MEMBERS, .select = late};"
bad unbound.so 'nobody_has_this'

finish
