/* SPDX-License-Identifier: MIT */
/*
 * store_gate.c - a pool's stores: which token names which, and the one gate to each operation.
 *
 * A token's top byte is the pool's number of the store. Numbers are given by attaching and stay
 * while a mapping, or the pool as its swap store, uses them; so looking one up takes no lock. The
 * two highest tokens belong to the built-in stores zero and uninit, which are ordinary tables.
 *
 * The gate serialises the calls of a store that is not PG_STORE_PARALLEL, with a lock that belongs
 * to the store, as several pools may share it. That lock is the only one held across I/O.
 */
#include "store_gate.h"
#include "builtin.h"
#include "futex_lock.h"
#include "kernel_page.h"
#include "last_error.h"
#include "sized.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct pg_store_gate {
        struct pg_store_ops ops; /* the author's, with NULL for what it does not have */
        struct lock lock;
        _Atomic uint32_t pools;
        pthread_mutex_t syncing;  /* of the two below */
        uint64_t evicted_durable; /* of evicted: a later sync has confirmed them */
        int lost;                 /* the error of a sync that others had to answer for; or 0 */
        /* Of modified pages of shared mappings, when they go out: writes begun, and ended. */
        _Atomic uint64_t evicting, evicted;
};

static struct pg_store_gate zero_gate, uninit_gate;

static int gate_open(struct pg_store_gate *gate, const struct pg_store_ops *ops)
{
        if (sized_read(&gate->ops, sizeof(gate->ops), ops, "pg_store_ops") != 0)
                return -EINVAL;
        gate->lock = (struct lock)LOCK_INIT(LOCK_STORE);
        pthread_mutex_init(&gate->syncing, NULL);
        if (!gate->ops.page_in || (!gate->ops.page_out && !(gate->ops.flags & PG_STORE_READONLY)) ||
            (gate->ops.location_get && !gate->ops.location_free))
                return last_error(-EINVAL, "the table of the store lacks page_in; or page_out, "
                                           "without PG_STORE_READONLY; or location_free, beside "
                                           "location_get");
        return 0;
}

/* Not in a constructor: a pool may be opened in one that runs before. */
static pthread_once_t builtin_once = PTHREAD_ONCE_INIT;

static void builtin_open(void)
{
        gate_open(&zero_gate, &pg_zero_ops);
        gate_open(&uninit_gate, &pg_uninit_ops);
}

int pg_store_init(struct pg_store *store, const struct pg_store_ops *ops, uint64_t extent)
{
        struct pg_store_gate *gate = calloc(1, sizeof(*gate));
        int error;

        if (!gate)
                return -ENOMEM;
        error = gate_open(gate, ops);
        if (error) {
                free(gate);
                return error;
        }
        *store = (struct pg_store){.ops = ops, .extent = extent, .gate = gate};
        return 0;
}

int pg_store_close(struct pg_store *store)
{
        struct pg_store_gate *gate;

        if (!store)
                return 0;
        gate = store->gate;
        if (atomic_load(&gate->pools) != 0)
                return -EBUSY;
        if (gate->ops.close)
                gate->ops.close(store);
        free(gate);
        return 0;
}

/* ---- attaching ----------------------------------------------------------------------------- */

void stores_init(struct stores *s, size_t page_size)
{
        pthread_once(&builtin_once, builtin_open);
        *s = (struct stores){
                .lock = LOCK_INIT(LOCK_TABLES),
                .swap = STORES_MAX,
                .page_size = page_size,
                .zero = {.ops = &pg_zero_ops, .page_size = page_size, .gate = &zero_gate},
                .uninit = {.ops = &pg_uninit_ops, .page_size = page_size, .gate = &uninit_gate},
        };
}

static struct pg_store *stored_at(struct stores *s, unsigned id)
{
        return atomic_load_explicit(&s->table[id].store, memory_order_acquire);
}

static unsigned find_store(struct stores *s, const struct pg_store *store)
{
        for (unsigned id = 0; id < STORES_MAX; id++)
                if (stored_at(s, id) == store)
                        return id;
        return STORES_MAX;
}

int store_attach(struct stores *s, struct pg_store *store, pg_location *base)
{
        unsigned id;
        int error = 0;

        lock_take(&s->lock);
        id = find_store(s, store);
        if (id == STORES_MAX) {
                id = find_store(s, NULL);
                if (id == STORES_MAX)
                        error = last_error(-ENOSPC,
                                           "the pool has %u stores already: detach one that no "
                                           "mapping names",
                                           STORES_MAX);
                else if (store->page_size != 0 && store->page_size != s->page_size)
                        error = last_error(-EINVAL,
                                           "the store serves pages of %zu bytes, and the pool has "
                                           "pages of %zu: make a store for this pool",
                                           store->page_size, s->page_size);
                else {
                        store->page_size = s->page_size;
                        atomic_fetch_add(&store->gate->pools, 1);
                        atomic_store_explicit(&s->table[id].store, store, memory_order_release);
                }
        }
        lock_drop(&s->lock);
        if (!error)
                *base = location_make(id, 0);
        return error;
}

static void detach(struct stores *s, unsigned id)
{
        struct pg_store *store = stored_at(s, id);

        s->table[id].is_owned = false;
        atomic_store_explicit(&s->table[id].store, NULL, memory_order_release);
        atomic_fetch_sub(&store->gate->pools, 1);
}

int store_detach(struct stores *s, struct pg_store *store)
{
        unsigned id;
        int error = 0;

        lock_take(&s->lock);
        id = store ? find_store(s, store) : STORES_MAX;
        if (id == STORES_MAX)
                error = -ENOENT;
        else if (s->table[id].mappings != 0 || id == s->swap)
                error = -EBUSY;
        else
                detach(s, id);
        lock_drop(&s->lock);
        return error;
}

void stores_close(struct stores *s)
{
        for (unsigned id = 0; id < STORES_MAX; id++) {
                struct pg_store *store = stored_at(s, id);
                bool owned = s->table[id].is_owned;

                if (store)
                        detach(s, id);
                if (owned)
                        pg_store_close(store);
        }
}

static uint64_t extent_of(const struct pg_store *store)
{
        return store->extent ? store->extent : UINT64_MAX;
}

static int hold_anonymous(pg_location location, bool written)
{
        if (location & (KERNEL_PAGE_SIZE - 1))
                return last_error(-EINVAL, "the location is not a multiple of the page size");
        if (written)
                return last_error(-EINVAL, "an anonymous location has nothing to share: leave "
                                           "PG_MAP_SHARED out");
        return 0;
}

int store_hold(struct stores *s, pg_location location, uint64_t size, bool written)
{
        unsigned id = (unsigned)(location >> 56);
        uint64_t offset = location << 8 >> 8;
        struct pg_store *store;
        int error = 0;

        if (location >= PG_LOCATION_ANON_UNINIT)
                return hold_anonymous(location, written);
        if (location % s->page_size != 0)
                return last_error(-EINVAL, "the location is not a multiple of the page size");
        lock_take(&s->lock);
        store = id < STORES_MAX ? stored_at(s, id) : NULL;
        if (!store)
                error = last_error(-EINVAL, "the location is of no store that is attached to the "
                                            "pool: use what pg_attach() gave, and offsets");
        else if (size > ((uint64_t)1 << 56) - offset || offset > extent_of(store) ||
                 size > extent_of(store) - offset)
                error = last_error(-EINVAL, "the range ends beyond the end of the store: map less, "
                                            "or make the store, or the file it is in, larger");
        else if (written && store_flags(store) & PG_STORE_READONLY)
                error = last_error(-EINVAL, "the store is read-only: leave PG_MAP_SHARED out, add "
                                            "PG_MAP_READONLY, or open its file for writing");
        else
                s->table[id].mappings++;
        lock_drop(&s->lock);
        return error;
}

void store_release(struct stores *s, pg_location location)
{
        if (location >= PG_LOCATION_ANON_UNINIT)
                return;
        lock_take(&s->lock);
        s->table[location >> 56].mappings--;
        lock_drop(&s->lock);
}

void store_give(struct stores *s, pg_location location)
{
        lock_take(&s->lock);
        s->table[location >> 56].is_owned = true;
        lock_drop(&s->lock);
}

struct pg_store *store_take_given(struct stores *s, pg_location location)
{
        unsigned id = (unsigned)(location >> 56);
        struct pg_store *store = NULL;

        if (location >= PG_LOCATION_ANON_UNINIT)
                return NULL;
        lock_take(&s->lock);
        if (s->table[id].is_owned && s->table[id].mappings == 0) {
                store = stored_at(s, id);
                detach(s, id);
        }
        lock_drop(&s->lock);
        return store;
}

struct pg_store *store_find(struct stores *s, pg_location location, uint64_t *offset)
{
        *offset = location << 8 >> 8;
        if (location >= PG_LOCATION_ANON_UNINIT)
                return location == PG_LOCATION_ANON_ZERO ? &s->zero : &s->uninit;
        return stored_at(s, (unsigned)(location >> 56));
}

/* ---- the gate ------------------------------------------------------------------------------ */

static struct pg_store_gate *gate_enter(struct pg_store *store)
{
        if (!(store->gate->ops.flags & PG_STORE_PARALLEL))
                lock_take(&store->gate->lock);
        return store->gate;
}

static void gate_leave(struct pg_store_gate *gate)
{
        if (!(gate->ops.flags & PG_STORE_PARALLEL))
                lock_drop(&gate->lock);
}

unsigned store_flags(struct pg_store *store)
{
        return store->gate->ops.flags;
}

bool store_is_near(struct pg_store *store, uint64_t offset)
{
        const struct pg_store_ops *ops = &store->gate->ops;

        return ops->flags & PG_STORE_NEAR && (!ops->is_near || ops->is_near(store, offset));
}

const char *store_name(struct pg_store *store)
{
        return store->gate->ops.name ? store->gate->ops.name : "";
}

bool store_can_swap(struct pg_store *store)
{
        return store->gate->ops.location_get && store->gate->ops.page_out;
}

int store_swap_begin(struct pg_store *store)
{
        struct pg_store_gate *gate = store->gate;

        if (!gate->ops.swap_begin)
                return 0;
        last_error(-EIO, "the swap store refuses to be one"); /* if it has no words of its own */
        return gate->ops.swap_begin(store);
}

int store_location_get(struct pg_store *store, uint64_t *offset, bool for_fault)
{
        struct pg_store_gate *gate = gate_enter(store);
        int error = gate->ops.location_get(store, offset, for_fault);

        gate_leave(gate);
        return error;
}

void store_location_free(struct pg_store *store, uint64_t offset)
{
        struct pg_store_gate *gate = gate_enter(store);

        gate->ops.location_free(store, offset);
        gate_leave(gate);
}

int store_page_in(struct pg_store *store, uint64_t offset, size_t npages, void *buf)
{
        struct pg_store_gate *gate = gate_enter(store);
        int error = gate->ops.page_in(store, offset, npages, buf);

        gate_leave(gate);
        return error;
}

int store_page_out(struct pg_store *store, uint64_t offset, size_t npages, const void *buf)
{
        struct pg_store_gate *gate = gate_enter(store);
        int error = gate->ops.page_out(store, offset, npages, buf);

        gate_leave(gate);
        return error;
}

const void *store_page_at(struct pg_store *store, uint64_t offset, size_t npages)
{
        struct pg_store_gate *gate;
        const void *at;

        if (!store->gate->ops.page_at)
                return NULL;
        gate = gate_enter(store);
        at = gate->ops.page_at(store, offset, npages);
        gate_leave(gate);
        return at;
}

void store_note_evicting(struct stores *s, pg_location location, bool ended)
{
        uint64_t ignored;
        struct pg_store_gate *gate = store_find(s, location, &ignored)->gate;

        atomic_fetch_add(ended ? &gate->evicted : &gate->evicting, 1);
}

void store_sync_begin(struct pg_store *store)
{
        pthread_mutex_lock(&store->gate->syncing);
}

void store_sync_end(struct pg_store *store)
{
        pthread_mutex_unlock(&store->gate->syncing);
}

/* What ended before the store was asked is confirmed; what has begun before it answered is not, or
 * may have been what it answers for. */
int store_sync(struct pg_store *store)
{
        struct pg_store_gate *gate;
        uint64_t evicted = atomic_load(&store->gate->evicted);
        int error = 0;

        gate = gate_enter(store);
        if (gate->ops.sync)
                error = gate->ops.sync(store);
        gate_leave(gate);
        if (!error)
                gate->evicted_durable = evicted;
        else if (atomic_load(&gate->evicting) != gate->evicted_durable)
                gate->lost = error;
        return error ? error : gate->lost;
}

void store_refresh(struct stores *s, pg_location location, uint64_t size)
{
        uint64_t offset;
        struct pg_store *store = store_find(s, location, &offset);
        struct pg_store_gate *gate;

        if (!store->gate->ops.refresh)
                return;
        gate = gate_enter(store);
        gate->ops.refresh(store, offset, (size_t)(size / s->page_size));
        gate_leave(gate);
}

void store_stats(struct pg_store *store, struct pg_store_stats *stats)
{
        *stats = (struct pg_store_stats){.size = sizeof(*stats)};
        if (store->gate->ops.stats)
                store->gate->ops.stats(store, stats);
}

/* ---- fork ---------------------------------------------------------------------------------- */

bool store_can_follow(struct pg_store *store)
{
        return store->gate->ops.fork_child != NULL;
}

int stores_fork_prepare(struct stores *s)
{
        int error = 0;

        for (unsigned id = 0; id < STORES_MAX && !error; id++) {
                struct pg_store *store = stored_at(s, id);

                if (store && store->gate->ops.fork_prepare)
                        error = store->gate->ops.fork_prepare(store);
        }
        return error;
}

void stores_fork_parent(struct stores *s)
{
        for (unsigned id = 0; id < STORES_MAX; id++) {
                struct pg_store *store = stored_at(s, id);

                if (store && store->gate->ops.fork_parent)
                        store->gate->ops.fork_parent(store);
        }
}

int stores_fork_child(struct stores *s)
{
        int error = 0;

        for (unsigned id = 0; id < STORES_MAX && !error; id++) {
                struct pg_store *store = stored_at(s, id);

                if (!store)
                        continue;
                futex_lock_reset(&store->gate->lock.futex);
                pthread_mutex_init(&store->gate->syncing, NULL);
                if (store->gate->ops.fork_child)
                        error = store->gate->ops.fork_child(store);
        }
        return error;
}

int store_memory_limit(struct pg_store *store, uint64_t bytes)
{
        struct pg_store_gate *gate;
        struct pg_store_stats stats;
        int result;

        if (!store->gate->ops.memory_limit) {
                store_stats(store, &stats);
                return stats.memory_bytes <= bytes ? 0 : -ENOSPC;
        }
        gate = gate_enter(store);
        result = gate->ops.memory_limit(store, bytes);
        gate_leave(gate);
        return result;
}
