# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034,SC2154
# Number crunching: a stack that gp reserves itself by mmap and commits with mprotect.
packages="pari-gp"
large=yes
needs="gp"

prepare() {
        cat >script <<GP
default(parisizemax, "300M");
v = vector($(scaled 300000), i, (i * 7919) % 100003 + i^12);
print(vecsum(v) % (10^9 + 7));
w = vecsort(v);
print(w[1], " ", w[#w], " ", #Set(w));
p = prod(i = 1, $(scaled 20000), i);
print(#digits(p), " ", sumdigits(p));
m = matrix(60, 60, i, j, (i * j + i^2) % 101);
print(matdet(m + matid(60)));
print(factor(2^101 - 1));
GP
}

program() {
        "$@" gp -q -f <"$input/script"
}
