#!/bin/bash
# SPDX-License-Identifier: MIT
# --spill: what exceeds the limit of compressed memory goes to a file, of each process its own, and
# all of it is there again. Without it, or when the file is full as well, nothing is lost silently.
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/preload/support.sh
. "$here/support.sh"

need_paging
need perl
[ "$(stat -f -c %T .)" != tmpfs ] || skip "the directory for temporary files lies in memory"

# Noise, which does not compress: 24 MiB of it, in 1 MiB and a zram of 2 MiB. A child changes its
# copy; both are right in the end. Says the sum, and waits where it is told to.
cat >noise.pl <<'END'
my ($state, @a) = (1);
for my $i (0 .. 95) {
        my $s = "";
        for (1 .. 32768) {
                $state = ($state * 6364136223846793005 + 1442695040888963407) % 18446744073709551616;
                $s .= pack("Q", $state ^ ($state >> 29));
        }
        push @a, $s;
}
sub sum { my $n = 0; $n = ($n * 31 + unpack("%32C*", $_)) % 4294967291 for @a; return $n }
my $before = sum();
if (($ARGV[0] // "") eq "fork") {
        my $pid = fork();
        if (!$pid) {
                substr($a[$_], 7, 1) = "x" for 0 .. 95;
                print "child ", sum(), "\n";
                exit 0;
        }
        waitpid($pid, 0);
        die "child: $?" if $?;
}
print sum() == $before ? "same $before\n" : "differs\n";
if (($ARGV[0] // "") eq "wait") {
        $| = 1;
        print "ready\n";
        <STDIN>;
}
END
perl noise.pl fork >plain

options=(--swap zram:2M --spill "file:$work:64M")
paged perl noise.pl fork >out 2>err || fail "perl ends with $?" err
cmp -s plain out || fail "the output differs" plain out err
[ ! -s err ] || fail "something is said" err
[ -z "$(find "$work" -name 'unpaged-*')" ] || fail "a file was left"

# The pages are in the file, not in memory.
mkfifo hold
launch_set
"${launch[@]}" perl noise.pl wait <hold >said 2>err &
pid=$!
exec 3>hold
for _ in {1..600}; do
        ! grep -q ready said || break
        sleep 0.1
done
"$LAUNCHER" stats "$pid" --json >live 2>err || fail "no counters" err
jq -e '.pools[0].gauges | .swap_lower_pages > 3000 and .swap_memory_bytes < 3000000' live >/dev/null ||
        fail "the pages are not in the file" live
exec 3>&-
wait "$pid" || fail "perl ends with $?" err said

# When the file is full, too, the access fails, and a line says why.
options=(--swap zram:2M --spill "file:$work:4M")
status=0
paged perl noise.pl >out 2>err || status=$?
[ "$status" -eq 135 ] || fail "ends with $status, not by SIGBUS" err
grep -q 'out of room: .* is full, in memory and below' err || fail "nothing says why" err
finish
