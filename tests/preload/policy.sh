#!/bin/bash
# SPDX-License-Identifier: MIT
# A program that is paged with a policy from a shared object: it chooses what goes out, in children
# as well; and one that is no policy leaves the program unpaged, with a line that names it.
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/preload/support.sh
. "$here/support.sh"
# shellcheck source=tests/launcher/policy_objects.sh
. "$here/../launcher/policy_objects.sh"

need_paging
need perl
sum='my @a = map { $_ * 2 } 1 .. 100000; $s += $_ for @a; print "$s\n"'
plain=$(perl -e "$sum")

# It notes on descriptor 9, once, in which process it was asked for a victim.
object mine.so <<<"#define CHECKED 0
$common
#include <stdio.h>
#include <unistd.h>
static pid_t told;
static uint32_t tell(void *self)
{
        char text[32];

        if (told != getpid()) {
                told = getpid();
                if (write(9, text, snprintf(text, sizeof(text), \"%d\\n\", told)) < 0)
                        return next(self);
        }
        return next(self);
}
const struct pg_policy_ops pg_policy = {MEMBERS, .select = tell};"
options=(--policy ./mine.so)
paged perl -e "$sum" >out 2>err 9>asked || fail "perl ends with $?" err
grep -qx "$plain" out || fail "the output differs" out err
[ "$(wc -l <asked)" -eq 1 ] || fail "the policy was not asked" asked
stats_are_sound "with a policy of its own"

# fork, and a program that is executed from another directory: each process has it.
rm -f stats
# shellcheck disable=SC2016
paged sh -c 'cd / && perl -e "fork; $1" && :' sh "$sum" >out 2>err 9>asked ||
        fail "the tree ends with $?" err
[ "$(grep -cx "$plain" out)" -eq 2 ] || fail "the output of the tree differs" out err
[ "$(sort -u asked | wc -l)" -ge 2 ] || fail "not each process asked it" asked

# Without the launcher, which would have said so.
echo text >text.so
status=0
UNPAGED_LOG=- UNPAGED_POLICY=$work/text.so \
        LD_PRELOAD=$(dirname "$LAUNCHER")/libunpaged-preload.so perl -e "$sum" >out 2>err || status=$?
[ "$status" -eq 0 ] || fail "perl ends with $status" err
grep -qx "$plain" out || fail "unpaged, the output differs" out
[ "$(grep -c "UNPAGED_POLICY=$work/text.so: .*file too short" err)" -eq 1 ] ||
        fail "the log does not name it in one line" err
finish
