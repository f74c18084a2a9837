#!/bin/bash
# SPDX-License-Identifier: MIT
# refused.sh PROGRAM CASE [PROGRAM CASE...]: where userfaultfd is refused, programs run as ever, but
# that one line says so.
# shellcheck source=tests/preload/support.sh
. "$(dirname "$0")/support.sh"

[ ! -e /proc/sys/vm/unprivileged_userfaultfd ] ||
        [ "$(cat /proc/sys/vm/unprivileged_userfaultfd)" = 0 ] ||
        skip "anybody may use userfaultfd here: vm.unprivileged_userfaultfd=1"
need setpriv

nobody=()
[ "$(id -u)" -ne 0 ] || nobody=(setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all
        --bounding-set=-all --)

mkdir bin
cp "$LAUNCHER" bin/unpaged
cp "$(dirname "$LAUNCHER")/libunpaged-preload.so" bin/
chmod 755 bin bin/*
"${nobody[@]}" test ! -w /dev/userfaultfd || skip "anybody may open /dev/userfaultfd here"

! "${nobody[@]}" bin/unpaged check >check 2>&1 || fail "check says that paging is possible" check
while [ $# -ge 2 ]; do
        cp "$1" bin/
        program=$work/bin/${1##*/}
        for where in plain quiet paged; do
                launch=()
                [ $where = plain ] || launch=("$work/bin/unpaged" run --budget "$budget" --)
                [ $where != quiet ] || launch=("$work/bin/unpaged" run --quiet --budget "$budget" --)
                status=0
                { "${nobody[@]}" "${launch[@]}" "$program" "$2" </dev/null >$where.out 2>$where.err ||
                        status=$?; } 2>/dev/null
                echo "$status" >$where.status
        done
        grep -c '^unpaged: [^ ]*: runs unpaged: userfaultfd is not permitted' paged.err >count || true
        [ "$(cat count)" -eq 1 ] || fail "$2: it is said $(cat count) times, not once" paged.err
        sed -i '/^unpaged: /d' paged.err
        for part in status out err; do
                for where in quiet paged; do
                        cmp -s "plain.$part" "$where.$part" ||
                                fail "$2: $part differs" "plain.$part" "$where.$part"
                done
        done
        status=0
        "${nobody[@]}" bin/unpaged run --require --budget "$budget" -- "$program" "$2" >out 2>err || status=$?
        [ "$status" -eq 125 ] || fail "$2: with --require the status is $status, not 125" err
        [ ! -s out ] || fail "$2: with --require the program ran" out
        grep -q userfaultfd err || fail "$2: --require does not say what is missing" err
        shift 2
done

# The same under a filter, which has another remedy.
status=0
"${nobody[@]}" "$FILTER" 38 bin/unpaged run --budget "$budget" -- true >out 2>err || status=$?
if [ "$status" -eq 77 ]; then
        echo "skipped: a filter: $(tail -n 1 err)"
else
        [ "$status" -eq 0 ] || fail "under a filter true ends with $status" err
        [ "$(grep -c '^unpaged: true: runs unpaged: .*(seccomp)' err)" -eq 1 ] ||
                fail "the filter is not named" err
fi
finish
