#!/bin/bash
# SPDX-License-Identifier: MIT
# children.sh PROGRAM: who of a tree of processes is paged. PROGRAM is `descriptors`.
# shellcheck source=tests/preload/support.sh
. "$(dirname "$0")/support.sh"

program=$1
case=closed_one_by_one
need_paging
speak_elsewhere

names() {
        jq -r '.processes[].program' stats | sort | uniq -c | sed 's/^ *//'
}

script="$program $case; seq 100000 | sort -rn | tail -n 3; (echo \$((6 * 7)) | cat)"
for shell in sh bash; do
        rm -f stats
        $shell -c "$script" >plain 2>&1
        paged $shell -c "$script" >paged 2>&1 || fail "$shell ends with $?"
        cmp -s plain paged || fail "$shell: the output differs" plain paged
        for name in "$shell" sort seq "${program##*/}"; do
                names | grep -q " $name$" || fail "$shell: $name was not paged" stats
        done
done

rm -f stats
options+=(--children off)
paged sh -c "$script" >paged 2>&1 || fail "--children off ends with $?"
sh -c "$script" >plain 2>&1
cmp -s plain paged || fail "--children off: the output differs" plain paged
names | grep -qv ' sh$' && fail "--children off: a child was paged" stats
names | grep -q ' sh$' || fail "--children off: the program itself was not paged"

# What the child sees of us: nothing.
paged sh -c 'env' >paged 2>&1 || fail "env ends with $?"
! grep -E '^(UNPAGED_|LD_PRELOAD=)' paged || fail "--children off: the environment tells of us"

# sort closes its standard error before it ends.
seq 100 | "$LAUNCHER" run --require --budget "$budget" --stats - -- sort >/dev/null 2>summary ||
        fail "--stats -: sort ends with $?" summary
grep -qE '^ *[0-9]+ sort +'"$budget"' ' summary || fail "--stats -: sort told nothing" summary
finish
