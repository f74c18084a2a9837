/* SPDX-License-Identifier: MIT */
/* store_gate.h - a pool's stores. Nobody else calls a store's table. See store_gate.c. */
#ifndef STORE_GATE_H
#define STORE_GATE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <unpaged/store.h>
#include <unpaged/unpaged.h>
#include "futex_lock.h"

#define STORES_MAX 254u

struct attachment {
        _Atomic(struct pg_store *) store;
        uint32_t mappings; /* that name it */
        bool is_owned;     /* by its one mapping, with which it is closed */
};

struct stores {
        struct lock lock; /* for changes; a token that is in use keeps its entry as it is */
        struct attachment table[STORES_MAX];
        struct pg_store zero, uninit; /* the built-in ones, at the pool's page size */
        unsigned swap;                /* number of the swap store */
        size_t page_size;
};

void stores_init(struct stores *s, size_t page_size);
void stores_close(struct stores *s); /* detaches all, and closes those that mappings own */

/* *base is the token of offset 0. Attaching again gives the same. */
int store_attach(struct stores *s, struct pg_store *store, pg_location *base);
int store_detach(struct stores *s, struct pg_store *store);

/* For a mapping of bytes [location, location + size): checks it and keeps the store attached. */
int store_hold(struct stores *s, pg_location location, uint64_t size, bool written);
void store_release(struct stores *s, pg_location location);

/* The store belongs to the one mapping that holds it. */
void store_give(struct stores *s, pg_location location);
/* A store that was given, and that no mapping names any more, is detached and returned: close it,
 * outside of pager sections, for that frees memory. NULL: there is none. */
struct pg_store *store_take_given(struct stores *s, pg_location location);

/* The store a token names, and the offset in it. The token must be valid. */
struct pg_store *store_find(struct stores *s, pg_location location, uint64_t *offset);

/* One gate for each operation. */
unsigned store_flags(struct pg_store *store);
const char *store_name(struct pg_store *store);
bool store_is_near(struct pg_store *store, uint64_t offset);
bool store_can_swap(struct pg_store *store);
/* May take its time, and so is not serialised: before the pool is used. */
int store_swap_begin(struct pg_store *store);
int store_location_get(struct pg_store *store, uint64_t *offset, bool for_fault);
void store_location_free(struct pg_store *store, uint64_t offset);
int store_page_in(struct pg_store *store, uint64_t offset, size_t npages, void *buf);
int store_page_out(struct pg_store *store, uint64_t offset, size_t npages, const void *buf);
const void *store_page_at(struct pg_store *store, uint64_t offset, size_t npages);
/* Between begin and end, for one thread at a time; it holds no page, no move context and no lock,
 * and signals are blocked. Returns the store's error. It stays, once pages had been evicted to the
 * store that no sync has confirmed: they cannot be written again. */
void store_sync_begin(struct pg_store *store);
int store_sync(struct pg_store *store);
void store_sync_end(struct pg_store *store);
/* A modified page of a shared mapping is going out there, and will not be written again if a sync
 * fails: before it is written, and when it has been, whether or not that failed. */
void store_note_evicting(struct stores *s, pg_location location, bool ended);
/* The pages of the range are to be read anew. */
void store_refresh(struct stores *s, pg_location location, uint64_t size);
/* Can a child go on with its copy? */
bool store_can_follow(struct pg_store *store);
/* Of all stores that are attached. Nothing else runs meanwhile but page_in, in the parent. */
int stores_fork_prepare(struct stores *s);
void stores_fork_parent(struct stores *s);
int stores_fork_child(struct stores *s);
void store_stats(struct pg_store *store, struct pg_store_stats *stats);
/* A store without such an operation uses what it needs. */
int store_memory_limit(struct pg_store *store, uint64_t bytes);

static inline pg_location location_make(unsigned id, uint64_t offset)
{
        return (pg_location)id << 56 | offset;
}

#endif
