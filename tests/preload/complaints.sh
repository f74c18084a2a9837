#!/bin/bash
# SPDX-License-Identifier: MIT
# complaints.sh: what `unpaged run` cannot give it says in one line: the first process always, all
# others once, and --quiet silences it.
# shellcheck source=tests/preload/support.sh disable=SC2016
. "$(dirname "$0")/support.sh"

need_paging
need perl

# run_it OPTION... -- PROGRAM...: leaves out, err; it must end with 0.
run_it() {
        "$LAUNCHER" run --budget "$budget" "$@" >out 2>err || fail "$* ends with $?" err
}

# said N WORDS: so many lines on standard error, all of which begin as ours and have the words.
said() {
        [ "$(grep -c "^unpaged: .*$2" err)" -eq "$1" ] || fail "'$2' is not said $1 times" err
        [ "$(wc -l <err)" -eq "$1" ] || fail "something else is said than '$2'" err
}

# ---- statistics, traces, curves that cannot be written -------------------------------------------

full='its statistics cannot be written to /dev/full: No space left'
run_it --stats /dev/full -- sort /etc/passwd # which closes its standard error
said 1 "sort: $full"
run_it --quiet --stats /dev/full -- sort /etc/passwd
said 0 .
run_it --stats /dev/full -- sh -c 'sort /etc/passwd; ls /; sort /etc/passwd; exit 0'
said 1 "sh: $full" # the first process speaks for all
run_it --stats /dev/full -- sh -c 'exec perl -e 1' # which is the same process
said 1 "$full"

# A program may read what its children write on standard error.
run_it --stats /dev/full -- sh -c 'ls / 2>&1 >&3 | grep . >read; exit 0' 3>/dev/null
said 1 "sh: $full"
[ ! -s read ] || fail "a pipe of the program's gets our words" read

mkdir d
run_it --trace 'd/%p' -- sh -c 'rm -r d; ls /; ls /; exit 0'
said 1 'ls: its trace cannot be written to .*/d/%p: No such file'
(
        ulimit -f 1
        run_it --curve c.svg -- perl -e '$x = "x" x 3000000'
        grep -v 'iB would\|needs cannot be told' err >rest || true # what the run was long enough for
        mv rest err
        said 1 'perl: its curve cannot be written to .*/c.svg: File too large'
        exit "$failures"
) || fail "the curve"

# ---- no paging at all ----------------------------------------------------------------------------

run_it --log log -- true
for limit in v d; do
        (
                ulimit -$limit 4000000
                run_it -- sh -c 'ls /; ls /; exit 0'
                said 1 "sh: runs unpaged: .*ulimit -$limit unlimited"
                run_it --quiet -- sh -c 'ls /; exit 0'
                said 0 .
                run_it --verbose -- ls /
                [ "$(grep -c 'runs unpaged' err)" -eq 1 ] || fail "with --verbose it is not said once" err
                exit "$failures"
        ) || fail "ulimit -$limit"
done
truncate -s 4M swap
(
        flock 9
        run_it --children off --swap file:swap -- ls /
        said 1 'ls: runs unpaged: another process uses this swap file'
        exit "$failures"
) 9<swap || fail "a swap file in use"

# What the user has excluded is no surprise.
UNPAGED_SKIP=ls run_it -- ls /
said 0 .

# ---- what a paged program executes ---------------------------------------------------------------

echo 'int main(void) { return 0; }' >main.c
if "${CC:-cc}" -static -o static main.c 2>/dev/null; then
        run_it -- sh -c './static; ./static; sh -c "./static; ./static"; exit 0'
        said 1 './static: runs unpaged: it is statically linked'
        run_it -- perl -e 'system("./static") for 1 .. 3'
        said 1 './static: runs unpaged: it is statically linked'
        run_it --quiet -- sh -c './static; exit 0'
        said 0 .
        run_it -- ./static
        said 1 './static: runs unpaged: it is statically linked'
fi
finish
