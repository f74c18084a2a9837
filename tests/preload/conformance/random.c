/* SPDX-License-Identifier: MIT */
/* random.c - numbers from the seed, and content for pages. */
#include "conformance.h"
#include "bench_util.h"

#include <string.h>

unsigned below(unsigned n)
{
        return (unsigned)random_below(&state.random, n);
}

bool random_chance(unsigned percent)
{
        return below(100) < percent;
}

/* The low bits of the key choose how well it compresses: zeros, one word, a part, nothing. */
void random_fill(void *addr, size_t size, uint64_t key)
{
        unsigned kind = (unsigned)(key % 8);
        uint64_t word = random_mix(key);

        for (size_t i = 0; i < size; i += sizeof(word)) {
                size_t rest = size - i < sizeof(word) ? size - i : sizeof(word);

                if (kind == 0)
                        word = 0;
                else if (kind > 4 || (kind > 2 && i % 256 < 32))
                        word = random_mix(word + i);
                memcpy((char *)addr + i, &word, rest);
        }
}

uint64_t checksum(const void *addr, size_t size, uint64_t sum)
{
        for (size_t i = 0; i < size; i += sizeof(uint64_t)) {
                size_t rest = size - i < sizeof(uint64_t) ? size - i : sizeof(uint64_t);
                uint64_t word = 0;

                memcpy(&word, (const char *)addr + i, rest);
                sum = (sum ^ word) * 0x100000001b3u;
                sum ^= sum >> 29;
        }
        return sum;
}
