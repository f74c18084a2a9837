#!/bin/bash
# SPDX-License-Identifier: MIT
# bindings.sh PROGRAM FIXED INTERPOSER: what the preloaded library calls is of the C library, and bound
# before the program begins; also where another preloaded library has functions of these names.
# PROGRAM is `bindings`, FIXED the same at a fixed address. A handler thread that the loader had to bind a function for would walk over
# the loader's lists, which lie in the heap: in paged memory.
# shellcheck source=tests/preload/support.sh
. "$(dirname "$0")/support.sh"

need_paging
paged "$1" >alone 2>err || fail "alone it ends with $?" err
# Of libm it wants what pictures of curves are drawn with, which no handler does.
! grep -vE '^needed (libc|libm|ld-.*)\.so\.[0-9]+$|^calls (exp|log|log2|log10|pow|round) libm\.so\.' \
        alone >wrong || fail "what a handler calls is outside the C library" wrong
grep -q '^needed libc' alone || fail "nothing was told" alone

paged "$2" >fixed 2>err || fail "at a fixed address it ends with $?" err
cmp -s alone fixed || fail "it calls stubs of the program" fixed

# env is for the second library alone: the launcher, and the shell, live without it.
status=0
limited 30 paged env LD_PRELOAD="$(dirname "$LAUNCHER")/libunpaged-preload.so:$3" \
        "$1" >beside 2>err || status=$?
[ "$status" -eq 0 ] || fail "beside another preloaded library it ends with $status" err
cmp -s alone beside || fail "it calls another preloaded library" beside

# A program may have an environ of its own; the settings are in the C library's.
echo 'char **environ; int main(void) { return environ != 0; }' | "${CC:-cc}" -x c - -o own 2>err ||
        skip "no compiler: $(tail -n 1 err)"
rm -f stats
paged ./own >out 2>err || fail "its environ was written to: it ends with $?" err
[ -s stats ] || fail "with an environ of its own nothing is set"
finish
