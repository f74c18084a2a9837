/* SPDX-License-Identifier: MIT */
/* miss_curve_check.c - a walk over the tables of the miss curve (debug.h, tier 2). */
#include "miss_curve.h"

static uint32_t bits(const uint64_t *map, uint32_t times)
{
        uint32_t n = 0;

        for (uint32_t i = 0; i <= times / 64; i++)
                n += (uint32_t)__builtin_popcountll(map[i]);
        return n;
}

const char *miss_curve_check(const struct miss_curve *c)
{
        uint32_t pages = 0, demoted = 0;

        if (!c->memory)
                return NULL;
        for (uint32_t i = 0; i < c->places; i++) {
                pages += c->table[i].key != 0;
                demoted += c->table[i].key != 0 && c->table[i].demoted != 0;
        }
        if (pages != c->pages)
                return "miss curve: it miscounts the pages that it follows";
        if (bits(c->slot, c->times) != c->slots || bits(c->hole, c->times) != c->holes)
                return "miss curve: it miscounts its slots or holes";
        if (demoted + c->holes != c->slots)
                return "miss curve: a slot is neither a page's nor a hole";
        for (uint32_t i = 0; i <= c->times / 64; i++)
                if (c->hole[i] & ~c->slot[i])
                        return "miss curve: a hole has no slot";
        return NULL;
}
