/* SPDX-License-Identifier: MIT */
/* ghost.c - see ghost.h. */
#include "ghost.h"
#include "arena.h"

#include <errno.h>

#define WHEN_BITS 24u
#define WHEN_MASK ((1u << WHEN_BITS) - 1)

/* A power of two, not below the frames. */
static size_t places(uint32_t frames)
{
        size_t n = 1;

        while (n < frames)
                n *= 2;
        return n;
}

int ghosts_init(struct ghosts *g, uint32_t capacity)
{
        *g = (struct ghosts){.bytes = places(capacity) * sizeof(*g->table)};
        g->table = arena_reserve(g->bytes, "unpaged-ghosts");
        return g->table ? 0 : -ENOMEM;
}

void ghosts_destroy(struct ghosts *g)
{
        arena_release(g->table, g->bytes);
        *g = (struct ghosts){0};
}

/* Where the ghost of the key is, if it is; and *tag, what it looks like but for the time. */
static uint32_t *ghost_place(struct ghosts *g, uint32_t frames, uint64_t key, uint32_t *tag)
{
        uint64_t hash = (key + 1) * 0x9e3779b97f4a7c15u;

        *tag = (uint32_t)hash & ~WHEN_MASK;
        return &g->table[hash >> 32 & (places(frames) - 1)];
}

void ghost_add(struct ghosts *g, uint32_t frames, uint64_t key)
{
        uint32_t tag, *place = ghost_place(g, frames, key, &tag);

        g->left++;
        *place = tag | (g->left & WHEN_MASK);
}

bool ghost_take(struct ghosts *g, uint32_t frames, uint64_t key)
{
        uint32_t tag, *place = ghost_place(g, frames, key, &tag);
        uint32_t age = (g->left - *place) & WHEN_MASK;
        uint32_t most = frames < WHEN_MASK / 2 ? frames : WHEN_MASK / 2;

        if (*place == 0 || (*place & ~WHEN_MASK) != tag || age > most)
                return false;
        *place = 0;
        return true;
}
