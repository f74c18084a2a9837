#!/bin/bash
# SPDX-License-Identifier: MIT
# Libraries opened with RTLD_GLOBAL: the loader keeps the list of them in the heap, where it may be
# out when a handler thread calls a function for the first time.
# shellcheck source=tests/preload/support.sh
. "$(dirname "$0")/support.sh"

need_paging
for i in {0..39}; do
        echo "int f$i(void) { return $i; }" | "$CC" -shared -fPIC -x c - -o "l$i.so"
done
cat >many.c <<'X'
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
int main(void)
{
        size_t n = 3 << 18;
        unsigned *p, sum = 0, x = 1;
        char name[20];

        alarm(100);
        for (int i = 0; i < 40; i++) {
                snprintf(name, sizeof(name), "./l%d.so", i);
                if (!dlopen(name, RTLD_LAZY | RTLD_GLOBAL))
                        return 2;
        }
        p = malloc(n * sizeof(*p));
        for (int round = 0; round < 2; round++)
                for (size_t i = 0; i < n; i++) {
                        x = x * 1664525 + 1013904223;
                        p[i] = round ? p[i] + 1 : i % 3 ? x : (unsigned)i;
                        sum += p[i];
                }
        printf("%u\n", sum);
        return 0;
}
X
"$CC" -w -O1 many.c -o many -ldl
./many >plain
for swap in zram zram:lz4 zram:zstd file:.; do
        rm -f stats
        options=(--swap "$swap")
        paged ./many >out 2>err || fail "with --swap $swap it ends with $?" err
        cmp -s plain out || fail "with --swap $swap the output differs" plain out
        stats_are_sound "--swap $swap"
done
finish
