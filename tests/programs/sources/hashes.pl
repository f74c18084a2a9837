# SPDX-License-Identifier: MIT
# hashes.pl FILE: hashes, arrays, strings and regular expressions over the lines of FILE.
use strict;
use warnings;

my (%line, %words, $all);
open my $in, '<', $ARGV[0] or die;
while (<$in>) {
    chomp;
    my ($key, @words) = split;
    $line{$key} = \@words;
    push @{$words{$_}{$words[-1] % 100}}, $key for @words;
    $all .= $_ . ';' if $. % 4 == 0;
}
print scalar(keys %line), ' ', scalar(keys %words), ' ', length $all, "\n";

my $n = 0;
$n++ while $all =~ /\b(\w)\w*\1\b/g;
print "$n words end as they begin\n";

my @sorted = sort { $line{$a}[-1] <=> $line{$b}[-1] || $a cmp $b } keys %line;
print join(' ', @sorted[0 .. 9], @sorted[-10 .. -1]), "\n";

delete @line{@sorted[grep { $_ % 3 } 0 .. $#sorted]};
(my $changed = $all) =~ s/(\w+) (\w+)/$2 $1/g;
print scalar(keys %line), ' ', unpack('%32C*', $changed), "\n";
for my $word ((sort { keys %{$words{$b}} <=> keys %{$words{$a}} || $a cmp $b } keys %words)[0 .. 20]) {
    my $sum = 0;
    $sum += hex for map { @$_ } values %{$words{$word}};
    print "$word ", scalar(keys %{$words{$word}}), " $sum\n";
}
my $child = fork // die;
if ($child == 0) {
    $_ .= 'x' for values %words;
    exit 6;
}
waitpid $child, 0;
print $? >> 8, ' ', scalar(grep { ref } values %words), "\n";
