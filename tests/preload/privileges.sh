#!/bin/bash
# SPDX-License-Identifier: MIT
# privileges.sh: a program with privileges of its file does not listen to its caller's variables.
# The loader keeps the library out of such programs, but one may be linked with it.
# shellcheck source=tests/preload/support.sh
. "$(dirname "$0")/support.sh"

need_paging
[ "$(id -u)" -eq 0 ] || skip "only root can give a file to another user"
need setpriv

cp "$(dirname "$LAUNCHER")/libunpaged-preload.so" .
echo 'int main(void) { return 3; }' >main.c
"${CC:-cc}" -o program main.c -Wl,--no-as-needed ./libunpaged-preload.so -Wl,-rpath,"$work"
chown 65534 program
mkdir -m 777 told

# run_it COMMAND...: what it is told to write goes into told/.
run_it() {
        status=0
        rm -f told/*
        env UNPAGED_LOG="$work/told/log" UNPAGED_STATS="$work/told/stats" UNPAGED_BUDGET=1M \
                UNPAGED_TRACE="$work/told/trace" "$@" >out 2>err || status=$?
        [ "$status" -eq 3 ] || fail "it ends with $status" err
}

chmod 755 program
run_it ./program
[ -s told/log ] || fail "without privileges it does not listen" err
[ -s told/stats ] || fail "without privileges it does not write statistics" err
chmod 4755 program
run_it ./program
[ -z "$(ls told)" ] || fail "with privileges it wrote $(ls told)"
[ ! -s err ] || fail "with privileges it speaks" err
run_it setpriv --no-new-privs ./program
[ -s told/log ] || fail "what gives no privileges counts as if it did" err
finish
