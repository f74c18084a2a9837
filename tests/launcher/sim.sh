#!/bin/bash
# SPDX-License-Identifier: MIT
# `unpaged sim` from outside: tables and JSON, budgets, policies of one's own, and what is wrong.
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=support.sh
. "$here/support.sh"

launch trace generate zipf --pages 500 --accesses 20000 -o zipf.trace
ended 0
launch trace generate loop --pages 500 --accesses 20000 -o loop.trace
ended 0

says() {
        check "says: $1" grep -qE -- "$1" out
}

# wrong STATUS WORD... -- ARGUMENT...: one line has all the words.
wrong() {
        local status_wanted=$1 words=()
        shift
        while [ "$1" != -- ]; do
                words+=("$1")
                shift
        done
        shift
        launch sim "$@"
        ended "$status_wanted"
        check "one line" [ "$(wc -l <err)" -eq 1 ]
        check "nothing on standard output" [ ! -s out ]
        for word in "${words[@]}"; do
                check "says: $word" grep -qF -- "$word" err
        done
}

# ---- tables and JSON ---------------------------------------------------------------------------

launch sim zipf.trace
ended 0
silent
says '^zipf.trace: 20000 accesses, .*, 500 first touches'
says '^500 pages, at most 500 at once'
says 'Every access is in it'
says '^budget +75 % +50 % +25 % +12.5 %$'
says '^frames +375 +250 +125 +62$'
for row in MIN LRU ARC 'sieve \(default\)' fifo random; do
        says "^$row +[0-9]+ +[0-9.]+ "
done
says '^rescues for each hard fault$'
says '^pages written out$'
says 'times the capacity misses of LRU in the geometric mean'
never "a summary of one trace" grep -q '^all ' out

launch sim --policy fifo --policy nru --budget 1M --budget 10% zipf.trace loop.trace
ended 0
says '^frames +256 +50$'
says '^all 2 traces: capacity misses'
says '^fifo: .* at worst .* \((zipf|loop).trace at '
never "a policy that was not asked for" grep -q sieve out

# A loop that does not fit: LRU misses at every access, and one that it has not met before is 500.
launch sim --json --policy fifo --budget 50% loop.trace
ended 0
check "a line for each of four" [ "$(wc -l <out)" -eq 4 ]
says '"policy":"LRU","reference":true,"frames":250,"budget_bytes":1024000,.*"first_touches":500,"capacity_misses":19500,"ratio_lru":1.0000'
says '"policy":"MIN",.*"ratio_lru":0.50'
says '"policy":"fifo","reference":false,.*"rescues":0,'
if command -v python3 >/dev/null; then
        check "it is JSON" python3 -c 'import json, sys; [json.loads(l) for l in open(sys.argv[1])]' out
fi

launch sim --json --policy sieve --far --queue 30 --budget 25% zipf.trace
cp out far
launch sim --json --policy sieve --near --queue 30 --budget 25% zipf.trace
never "near and far are the same" cmp -s far out
launch sim --json --policy fifo --strict --budget 25% zipf.trace
says '"rescues":0,'

# From a pipe.
launch sim --json --budget 50% zipf.trace
sed 's/zipf.trace/standard input/' out >from-file
status=0
"$unpaged" sim --json --budget 50% - < <(cat zipf.trace) >out 2>err || status=$?
ended 0
check "the same from a pipe" cmp out from-file

# All that fits.
launch sim --budget 1G zipf.trace
ended 0
says 'Everything fits'

# ---- policies in shared objects ----------------------------------------------------------------

# shellcheck source=policy_objects.sh
. "$here/policy_objects.sh"
object mine.so <<<"#define CHECKED 0
$common const struct pg_policy_ops pg_policy = {MEMBERS, .check = check};"
launch sim --policy ./mine.so --policy fifo --check zipf.trace
ended 0
silent
says '^mine +[0-9]+ '
launch sim --policy mine.so --budget 25% zipf.trace
ended 0

object broken.so <<<"#define CHECKED 125
$common const struct pg_policy_ops pg_policy = {MEMBERS, .check = check};"
wrong 1 'mine' 'check' 'invariants' -- --check --policy ./broken.so --budget 25% zipf.trace
object other.so <<<"#define CHECKED 0
$common const struct pg_policy_ops my_policy = {MEMBERS};"
wrong 2 'other.so' 'no symbol `pg_policy`' 'const struct pg_policy_ops' -- --policy ./other.so zipf.trace
object lame.so <<<"#define CHECKED 0
$common const struct pg_policy_ops pg_policy = {MEMBERS, .accessed = 0};"
wrong 2 'lame.so' 'has no `accessed`' -- --policy ./lame.so zipf.trace
object sizeless.so <<<"#define CHECKED 0
$common const struct pg_policy_ops pg_policy = {MEMBERS, .size = 8};"
wrong 2 'sizeless.so' '`size`' 'sizeof(struct pg_policy_ops)' -- --policy ./sizeless.so zipf.trace
object large.so <<<"#define CHECKED 0
$common static size_t all(uint32_t n) { return 100 * n + 4096; }
const struct pg_policy_ops pg_policy = {MEMBERS, .footprint = all};"
wrong 1 'mine' 'footprint' '32 bytes a frame' -- --policy ./large.so zipf.trace
wrong 2 'none.so' -- --policy ./none.so zipf.trace

# ---- what is wrong -----------------------------------------------------------------------------

wrong 2 'which trace' '--help' --
wrong 2 'mru' 'sieve' 'fifo' 'all' -- --policy mru zipf.trace
wrong 2 '--budget 5X' '64M' '12.5%' -- --budget 5X zipf.trace
wrong 2 '--budget -5%' -- --budget -5% zipf.trace
wrong 2 '--queue 51' '1 to 50' -- --queue 51 zipf.trace
wrong 2 '--strict' '--queue' -- --strict --queue 10 zipf.trace
wrong 2 '--bogus' '--help' -- --bogus zipf.trace
wrong 2 '--policy' 'needs a value' -- zipf.trace --policy
wrong 1 'none.trace' 'No such file' -- none.trace
echo 'not at all' >text
wrong 1 'text' 'not a trace' -- text
echo '#page-size 4096' >none.txt
launch trace import --text none.txt -o empty.trace
ended 0
launch sim empty.trace
ended 1
check "nothing to replay" grep -q 'empty.trace: it has no accesses' err

# One that cannot be read does not keep the others from being told.
launch sim --json --policy fifo --budget 50% none.trace zipf.trace
ended 1
check "the other one" grep -q '"trace":"zipf.trace"' out
status=0
"$unpaged" sim zipf.trace >/dev/full 2>err || status=$?
ended 1
check "a full disk" grep -q 'standard output' err
launch sim --help
ended 0
says '--policy'

finish
