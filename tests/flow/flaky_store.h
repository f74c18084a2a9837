/* SPDX-License-Identifier: MIT */
/*
 * flaky_store.h - a store in memory that counts its calls, and fails or sleeps when told to.
 *
 * It is written as a user of the library would write one, and serves as swap store and as the store
 * of mappings. Page i starts with the word i in every 8 bytes where nothing was written yet.
 */
#ifndef FLAKY_STORE_H
#define FLAKY_STORE_H

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unpaged/store.h>

struct flaky {
        struct pg_store store;
        size_t npages, page_size;
        char *pages;
        _Atomic unsigned char *taken; /* places given out by location_get */
        _Atomic int loads, saves, gets, frees, syncs;
        /* To be set by tests at any time: an errno for every call, 0 for none. */
        _Atomic int fail_load, fail_save, fail_get, fail_sync;
        /* Only for this page of the store; -1: for all. */
        _Atomic long fail_page;
        _Atomic unsigned sleep_us; /* in page_in and page_out */
        /* Called first by page_in (which == &fail_load), page_out (&fail_save) and sync
         * (&fail_sync). */
        void (*_Atomic hook)(struct flaky *f, _Atomic int *which, uint64_t offset);
        void *hook_arg;
};

static inline int flaky_fails(struct flaky *f, _Atomic int *which, uint64_t offset, size_t n)
{
        long page = atomic_load(&f->fail_page);
        long first = (long)(offset / f->page_size);
        void (*hook)(struct flaky *, _Atomic int *, uint64_t) = atomic_load(&f->hook);

        if (hook)
                hook(f, which, offset);
        if (atomic_load(&f->sleep_us)) {
                struct timespec ts = {.tv_nsec = (long)atomic_load(&f->sleep_us) * 1000};

                nanosleep(&ts, NULL);
        }
        return page < 0 || (page >= first && page < first + (long)n) ? -atomic_load(which) : 0;
}

static inline int flaky_get(struct pg_store *store, uint64_t *offset, bool for_fault)
{
        struct flaky *f = (struct flaky *)store;

        (void)for_fault;
        atomic_fetch_add(&f->gets, 1);
        if (atomic_load(&f->fail_get))
                return -atomic_load(&f->fail_get);
        for (size_t i = 0; i < f->npages; i++) {
                unsigned char no = 0;

                if (atomic_compare_exchange_strong(&f->taken[i], &no, 1)) {
                        *offset = i * f->page_size;
                        return 0;
                }
        }
        return -ENOSPC;
}

static inline void flaky_free(struct pg_store *store, uint64_t offset)
{
        struct flaky *f = (struct flaky *)store;

        atomic_fetch_add(&f->frees, 1);
        if (!atomic_exchange(&f->taken[offset / f->page_size], 0))
                abort(); /* a place was freed that was not taken */
}

static inline int flaky_in(struct pg_store *store, uint64_t offset, size_t npages, void *buf)
{
        struct flaky *f = (struct flaky *)store;
        int error = flaky_fails(f, &f->fail_load, offset, npages);

        atomic_fetch_add(&f->loads, 1);
        if (!error)
                memcpy(buf, f->pages + offset, npages * f->page_size);
        return error;
}

static inline int flaky_out(struct pg_store *store, uint64_t offset, size_t npages, const void *buf)
{
        struct flaky *f = (struct flaky *)store;
        int error = flaky_fails(f, &f->fail_save, offset, npages);

        atomic_fetch_add(&f->saves, 1);
        if (!error)
                memcpy(f->pages + offset, buf, npages * f->page_size);
        return error;
}

static inline int flaky_sync(struct pg_store *store)
{
        struct flaky *f = (struct flaky *)store;
        void (*hook)(struct flaky *, _Atomic int *, uint64_t) = atomic_load(&f->hook);

        atomic_fetch_add(&f->syncs, 1);
        if (hook)
                hook(f, &f->fail_sync, 0);
        return -atomic_load(&f->fail_sync);
}

/* keeps: as PG_STORE_KEEPS says. Serialised by the library: not PG_STORE_PARALLEL. */
static inline struct flaky *flaky_new(size_t npages, size_t page_size, bool keeps)
{
        static const struct pg_store_ops ops[2] = {
                {.size = sizeof(ops[0]),
                 .name = "flaky",
                 .location_get = flaky_get,
                 .location_free = flaky_free,
                 .page_in = flaky_in,
                 .page_out = flaky_out,
                 .sync = flaky_sync},
                {.size = sizeof(ops[0]),
                 .name = "flaky",
                 .flags = PG_STORE_KEEPS,
                 .location_get = flaky_get,
                 .location_free = flaky_free,
                 .page_in = flaky_in,
                 .page_out = flaky_out,
                 .sync = flaky_sync},
        };
        struct flaky *f = calloc(1, sizeof(*f));

        f->npages = npages;
        f->page_size = page_size;
        f->pages = malloc(npages * page_size);
        f->taken = calloc(npages, 1);
        atomic_store(&f->fail_page, -1);
        for (size_t i = 0; i < npages * page_size / 8; i++)
                ((uint64_t *)(void *)f->pages)[i] = i / (page_size / 8);
        if (pg_store_init(&f->store, &ops[keeps], npages * page_size) != 0)
                abort();
        return f;
}

/* The same, keeping copies, with any number of calls at once. Not for more than one user at a time
 * of one page, of course. */
static inline struct flaky *flaky_new_parallel(size_t npages, size_t page_size)
{
        static const struct pg_store_ops ops = {
                .size = sizeof(ops),
                .name = "flaky",
                .flags = PG_STORE_KEEPS | PG_STORE_PARALLEL,
                .location_get = flaky_get,
                .location_free = flaky_free,
                .page_in = flaky_in,
                .page_out = flaky_out,
                .sync = flaky_sync,
        };
        struct flaky *f = flaky_new(npages, page_size, true);

        if (pg_store_close(&f->store) != 0 ||
            pg_store_init(&f->store, &ops, npages * page_size) != 0)
                abort();
        return f;
}

static inline void flaky_delete(struct flaky *f)
{
        if (pg_store_close(&f->store) != 0)
                abort();
        free(f->pages);
        free((void *)f->taken);
        free(f);
}

#endif
