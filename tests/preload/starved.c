/* SPDX-License-Identifier: MIT */
/* starved.c - starved MIB SECONDS WORK: touches pages of so much memory at random, and computes for
 * WORK steps after each. Prints nothing: how far it gets is a matter of luck. */
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

int main(int argc, char **argv)
{
        size_t pages = argc == 4 ? (size_t)atoi(argv[1]) * 256 : 0;
        time_t end = time(NULL) + (argc == 4 ? atoi(argv[2]) : 0);
        unsigned work = argc == 4 ? (unsigned)atoi(argv[3]) : 0;
        volatile unsigned char *memory = malloc(pages * 4096);
        uint64_t x = 1;

        if (!memory || pages == 0)
                return 2;
        for (size_t i = 0; i < pages * 4096; i++)
                memory[i] = (unsigned char)(i * 7 >> 3);
        while (time(NULL) < end) {
                for (unsigned i = 0; i <= work; i++)
                        x = x * 6364136223846793005u + 1442695040888963407u;
                memory[(x >> 33) % pages * 4096]++;
        }
        return 0;
}
