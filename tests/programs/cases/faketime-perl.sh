# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034,SC2154
# Preloaded libraries beside ours, with functions that we call as well: clock_gettime, syscall.
packages="faketime torsocks perl"
large=yes
needs="faketime torsocks perl"

prepare() {
        echo "my %h = map { \$_ => 'x' x (\$_ % 50) } 1 .. $(scaled 40000);" >fill.pl
        echo 'print scalar(%h), " ", $ENV{FAKETIME} ? (localtime)[5] + 1900 : "", "\n"' >>fill.pl
}

program() {
        "$@" faketime -f '2020-01-01 00:00:00' perl "$input/fill.pl"
        "$@" torsocks perl "$input/fill.pl"
}
