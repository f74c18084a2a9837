/* SPDX-License-Identifier: MIT */
/*
 * memory.c - `memory MIB [word...]`: uses so much heap, says what is in it, who it runs as and what
 * it was told. `memory overflow` makes a mistake that AddressSanitizer finds.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PIECE 10000

static unsigned long use(size_t mib)
{
        size_t n = (mib << 20) / PIECE;
        char **pieces = calloc(n, sizeof(*pieces));
        unsigned long sum = 0;

        for (size_t i = 0; pieces && i < n; i++) {
                pieces[i] = malloc(PIECE);
                if (!pieces[i])
                        abort();
                memset(pieces[i], (int)(i % 251), PIECE);
        }
        for (size_t round = 0; pieces && round < 3; round++) {
                for (size_t i = 0; i < n; i++) {
                        sum = sum * 31 + (unsigned char)pieces[i][i % PIECE];
                        pieces[i][(i * 7) % PIECE]++;
                }
        }
        for (size_t i = 0; pieces && i < n; i++)
                free(pieces[i]);
        free(pieces);
        return sum;
}

int main(int argc, char **argv)
{
        if (argc > 1 && strcmp(argv[1], "overflow") == 0) {
                volatile size_t end = 10;
                char *p = malloc(end);

                p[end] = 1;
                return p[end / 2];
        }
        printf("sum %lu, uid %d, euid %d\n", use(argc > 1 ? (size_t)atoi(argv[1]) : 1),
               (int)getuid(), (int)geteuid());
        for (int i = 2; i < argc; i++)
                printf("word %s\n", argv[i]);
        return 42;
}
