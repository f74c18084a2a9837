/* SPDX-License-Identifier: MIT */
/* random.c - numbers from the seed, and content for pages. */
#include "conformance.h"

#include <string.h>

static uint64_t mix(uint64_t x)
{
        x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
        x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
        return x ^ (x >> 31);
}

uint64_t random_next(void)
{
        return mix(state.random += 0x9e3779b97f4a7c15u);
}

unsigned random_below(unsigned n)
{
        return (unsigned)(random_next() % n);
}

bool random_chance(unsigned percent)
{
        return random_below(100) < percent;
}

/* The low bits of the key choose how well it compresses: zeros, one word, a part, nothing. */
void random_fill(void *addr, size_t size, uint64_t key)
{
        unsigned kind = (unsigned)(key % 8);
        uint64_t word = mix(key);

        for (size_t i = 0; i < size; i += sizeof(word)) {
                size_t rest = size - i < sizeof(word) ? size - i : sizeof(word);

                if (kind == 0)
                        word = 0;
                else if (kind > 4 || (kind > 2 && i % 256 < 32))
                        word = mix(word + i);
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
