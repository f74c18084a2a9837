#!/bin/bash
# SPDX-License-Identifier: MIT
# few_descriptors.sh PROGRAM: only 64 descriptors are allowed from the start. PROGRAM is `descriptors`.
# shellcheck source=tests/preload/support.sh
. "$(dirname "$0")/support.sh"

need_paging
speak_elsewhere
ulimit -n 64
for case in starts_with_few closed_one_by_one closed_at_once daemonized; do
        rm -f stats
        "$1" "$case" >plain 2>&1 </dev/null || fail "$case: plainly it ends with $?" plain
        paged "$1" "$case" >out 2>err </dev/null || fail "$case: ends with $?" out err
        cmp -s plain out || fail "$case: the output differs" plain out err
        [ ! -s err ] || fail "$case: somebody speaks" err
        stats_are_sound "$case"
done
finish
