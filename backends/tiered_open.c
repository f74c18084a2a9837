/* SPDX-License-Identifier: MIT */
/* tiered_open.c - the tiered store is made, and closed. See tiered.c. */
#include "tiered.h"
#include "arena.h"
#include "kernel_page.h"
#include "last_error.h"
#include "sized.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define PAGE_SIZE_MAX ((size_t)2 << 20)
#define RAM_SHARES    8 /* pages above, at most, in sizes of the memory: as zram.c */

/* Both stores belong to us, so no pool has told them. */
static int tell_page_size(const struct tier *tier, size_t page_size)
{
        if (tier->store->page_size && tier->store->page_size != page_size)
                return last_error(-EINVAL,
                                  "a store of the tiered one serves pages of another size");
        tier->store->page_size = page_size;
        return 0;
}

int tiered_start(struct tiered *t)
{
        size_t page_size = t->store.page_size;
        int error;

        if (page_size < KERNEL_PAGE_SIZE || page_size > PAGE_SIZE_MAX ||
            (page_size & (page_size - 1)))
                return -EINVAL;
        error = tell_page_size(&t->upper, page_size);
        if (!error)
                error = tell_page_size(&t->lower, page_size);
        t->started = !error;
        return error;
}

static void tiered_release(struct tiered *t)
{
        arena_release(t->places, t->places_bytes);
        arena_release(t->batch, PAGE_SIZE_MAX);
        arena_release(t, sizeof(*t));
}

static void tiered_close(struct pg_store *store)
{
        struct tiered *t = tiered_of(store);

        if (pg_store_close(t->upper.store) != 0 || pg_store_close(t->lower.store) != 0)
                return; /* a pool uses it, against the rules: better leaked than used after */
        tiered_release(t);
}

static int tier_open(struct tier *tier, struct pg_store *store, const char *which)
{
        tier->store = store;
        if (!store)
                return last_error(-EINVAL, "the %s store of a tiered one is NULL", which);
        if (sized_read(&tier->ops, sizeof(tier->ops), store->ops, "pg_store_ops") != 0)
                return -EINVAL;
        if (!tier->ops.location_get || !tier->ops.page_out)
                return last_error(-EINVAL,
                                  "the %s store of a tiered one cannot hand out places: it has no "
                                  "location_get, or is read-only",
                                  which);
        if (~tier->ops.flags & (PG_STORE_PARALLEL | PG_STORE_KEEPS))
                return last_error(-EINVAL,
                                  "the %s store of a tiered one must be PG_STORE_PARALLEL and "
                                  "PG_STORE_KEEPS",
                                  which);
        return 0;
}

static uint64_t places_most(const struct tiered *t)
{
        uint64_t bytes = RAM_SHARES * (uint64_t)sysconf(_SC_PHYS_PAGES) * KERNEL_PAGE_SIZE;
        uint64_t places;

        bytes += t->upper.store->extent + t->lower.store->extent;
        places = bytes / KERNEL_PAGE_SIZE;
        return places < PLACES_MOST ? places : PLACES_MOST;
}

static int tiered_open(struct tiered *t, const struct pg_tiered_config *config)
{
        int error = tier_open(&t->upper, config->upper, "upper");

        if (!error)
                error = tier_open(&t->lower, config->lower, "lower");
        if (error)
                return error;
        if (config->upper == config->lower)
                return last_error(-EINVAL, "both stores of a tiered one are the same");
        t->ops = tiered_ops;
        t->ops.close = tiered_close;
        t->ops.flags |= t->upper.ops.flags & PG_STORE_NEAR;
        if (!t->upper.ops.memory_limit)
                t->ops.memory_limit = NULL;
        if (!t->upper.ops.fork_child || !t->lower.ops.fork_child)
                t->ops.fork_child = NULL;
        t->places_bytes = places_most(t) * sizeof(struct place);
        t->places = arena_reserve(t->places_bytes, "unpaged-tiered");
        t->batch = arena_reserve(PAGE_SIZE_MAX, "unpaged-tiered");
        if (!t->places || !t->batch)
                return -ENOMEM;
        return pg_store_init(&t->store, &t->ops, 0);
}

int pg_store_tiered(struct pg_store **store, const struct pg_tiered_config *config)
{
        struct pg_tiered_config settings;
        int error = sized_read(&settings, sizeof(settings), config, "pg_tiered_config");
        struct tiered *t = error ? NULL : arena_reserve(sizeof(*t), "unpaged-tiered");

        if (!error)
                error = t ? tiered_open(t, &settings) : -ENOMEM;
        if (error == -ENOMEM)
                last_error(error, "no address space for the tables of a tiered store: raise "
                                  "RLIMIT_AS (ulimit -v), or set vm.overcommit_memory to 0");
        if (!error)
                *store = &t->store;
        else if (t)
                tiered_release(t);
        return error;
}
