/* SPDX-License-Identifier: MIT */
/*
 * store.h - for authors of backing stores: the table to fill in, and its contract.
 *
 * A backing store is where pages live while they are not resident. Embed struct pg_store as the
 * first member of your own structure, fill in a table of operations, and call pg_store_init():
 *
 *         struct tape {
 *                 struct pg_store store;
 *                 int fd;
 *         };
 *
 * Conventions, once for every operation:
 *  - Offsets are bytes, multiples of store->page_size, below 2^56. Page i of a run of `npages`
 *    lives at offset + i * page_size, in the store and in the buffer alike.
 *  - Return 0, or a negative errno. -ENOSPC means "full"; any other error is taken as I/O.
 *  - Context: an operation runs on a fault handler, on a thread that is inside a pg_ call, or (in
 *    signal delivery) inside a SIGBUS handler, with every signal blocked. It must therefore be
 *    async-signal-safe: no malloc, no stdio, no lock that ordinary code of the program may hold.
 *    Allocate when the store is made. It must not touch memory that a pool pages.
 *  - Lazy binding: the first call of a function may make the dynamic linker walk over memory that
 *    it has from malloc. That is harmless unless the program's malloc gives out memory of a pool.
 *    Then this library, the store and every library they call (lz4 and zstd, for the built-in
 *    stores) must be bound when they are loaded: link them with -z now, or set LD_BIND_NOW.
 *  - Blocking is allowed; only the page that is being moved waits for it.
 *  - Threads: without PG_STORE_PARALLEL the library calls one operation of a store at a time, from
 *    changing threads. With it, any number at once, but never two for the same page.
 *  - Stack: at most 4 KiB. The caller may be on an alternate signal stack.
 */
#ifndef UNPAGED_STORE_H
#define UNPAGED_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <unpaged/attributes.h>

#ifdef __cplusplus
extern "C" {
#endif

struct pg_store;
struct pg_store_gate;

/* The store does its own locking. */
#define PG_STORE_PARALLEL (1u << 0)
/* The store cannot be written: mappings of it are private, or read-only. */
#define PG_STORE_READONLY (1u << 1)
/* After page_in the store's copy stays valid until location_free or page_out, so a page that is
 * not modified can be dropped without being written again. */
#define PG_STORE_KEEPS (1u << 2)
/* page_in of a page that was read or written lately takes no longer than a fault, a few
 * microseconds for 4 KiB. Clean pages of that size are then dropped when they are victims, instead
 * of being kept for a while in case they are touched. */
#define PG_STORE_NEAR (1u << 3)
/* What exceeds the store's memory goes where it takes none: less memory costs time, not room. */
#define PG_STORE_SPILLS (1u << 4)

/* What a store reports of itself. All sizes are bytes unless the name says pages. `size` is
 * sizeof(struct pg_store_stats) as the library has it, which sets it: members are only appended,
 * and a store fills in those that lie within `size`. */
struct pg_store_stats {
        size_t size;
        uint64_t stored_pages;         /* pages it holds now */
        uint64_t stored_bytes;         /* their size as pages */
        uint64_t payload_bytes;        /* their size as stored (compressed) */
        uint64_t memory_bytes;         /* memory used for them, all overhead included */
        uint64_t same_filled_pages;    /* of stored_pages: one repeated word, no payload */
        uint64_t incompressible_pages; /* of stored_pages: kept as they are */
        uint64_t limit_bytes;          /* 0: none */
        uint64_t limit_hits;           /* calls refused for the limit */
        uint64_t lower_pages;          /* of stored_pages: in the lower of two stores (tiered) */
};

/*
 * The table. `size` is sizeof(struct pg_store_ops) as the author's compiler saw it: members are
 * only ever appended, and a member beyond `size` counts as NULL. Optional members say so.
 */
struct pg_store_ops {
        size_t size;
        const char *name;
        unsigned flags; /* PG_STORE_* */

        /* Optional; a store without it cannot be a swap store. Reserves a place for one page that
         * has none, and names it in *offset. `for_fault` is true when a faulting program waits
         * for the frame (a store may keep its last place for that case). -ENOSPC: full. */
        int (*location_get)(struct pg_store *store, uint64_t *offset, bool for_fault);

        /* Required with location_get. Gives back a place that location_get returned, with or
         * without content. Cannot fail. */
        void (*location_free)(struct pg_store *store, uint64_t offset);

        /* Required. Reads npages pages into buf (page aligned, npages * page_size bytes). After an
         * error the content of buf is undefined and the store's copy is untouched. */
        int (*page_in)(struct pg_store *store, uint64_t offset, size_t npages, void *buf);

        /* Required unless PG_STORE_READONLY. Writes npages pages. Atomic per page: after a failure
         * each page's location holds either its old copy or its new one. */
        int (*page_out)(struct pg_store *store, uint64_t offset, size_t npages, const void *buf);

        /* Optional. Makes all that page_out has written survive a crash of the machine. */
        int (*sync)(struct pg_store *store);

        /* Optional. Frees the store. Called by pg_store_close() when no pool uses it. */
        void (*close)(struct pg_store *store);

        /* Optional. The address of npages pages that are in memory already, valid and unchanged
         * until location_free or page_out; NULL where they are not. Saves the copy of page_in. */
        const void *(*page_at)(struct pg_store *store, uint64_t offset, size_t npages);

        /* Optional. Fills *stats (zeroed before, but for its size). Any thread, at any time,
         * without waiting. */
        void (*stats)(struct pg_store *store, struct pg_store_stats *stats);

        /* Optional; needed by the swap store of a pool with PG_POOL_INHERIT, which must not serve
         * a pool without. fork_prepare runs in the parent before fork(2) and may refuse it; until
         * one of the others has run, only page_in and page_at are called. fork_parent ends that,
         * and is also called for a store that was not prepared because another one refused.
         * fork_child makes the child's copy of the structure (all memory of the parent is there)
         * independent of the parent, which may already be running, and undoes what a page_in that
         * was under way in the parent has locked. */
        int (*fork_prepare)(struct pg_store *store);
        void (*fork_parent)(struct pg_store *store);
        int (*fork_child)(struct pg_store *store);

        /* Optional; for stores that keep copies of what they have not been asked for yet, or have
         * given out before. From here on page_in of these pages answers with what the medium holds
         * now, whoever has written it: they are mapped anew, or the program has discarded them. Any
         * thread, without waiting. */
        void (*refresh)(struct pg_store *store, uint64_t offset, size_t npages);

        /* Optional. The store becomes the swap store of a pool: pg_open() calls it, on its own
         * thread, which may allocate, before that pool's first location_get. A negative errno
         * refuses, and pg_open() fails with it. Once for each pool. */
        int (*swap_begin)(struct pg_store *store);

        /* Optional; for the swap store of a pool with a cap on all its memory (pg_config.memory).
         * From here on the store may use this much (memory_bytes of its statistics); UINT64_MAX:
         * the pool is closed, and its cap ends. If it uses more, it moves something to where it
         * takes no memory, a batch, which may take its time. 0: it is within; 1: call again;
         * -ENOSPC: what it holds needs more; or why it could not be written elsewhere. Not called
         * while the process forks. */
        int (*memory_limit)(struct pg_store *store, uint64_t bytes);

        /* Optional; for stores that are PG_STORE_NEAR for some of their pages only: is it for this
         * one? A hint. Any thread, at any time, without waiting or taking a lock. */
        bool (*is_near)(struct pg_store *store, uint64_t offset);
};

/*
 * A store. The author sets ops and extent (through pg_store_init) and may read page_size, which
 * the library sets when a pool first uses the store. The rest belongs to the library.
 */
struct pg_store {
        const struct pg_store_ops *ops;
        uint64_t extent;            /* bytes that can be mapped; 0: no bound of its own */
        size_t page_size;           /* of the pools that use it; 0: not in use yet */
        struct pg_store_gate *gate; /* the library's */
};

/* Prepares a store for use. Returns 0; -EINVAL for a table without a required member; -ENOMEM. */
int pg_store_init(struct pg_store *store, const struct pg_store_ops *ops,
                  uint64_t extent) PG_MUST_CHECK PG_NONNULL(1, 2);

/* For stores with descriptors: moves a new one to a high number, out of the program's way, and
 * lists it for pg_fds() (see internals.h). Returns the number it has now. Negative ones are passed
 * through. */
int pg_fd_keep(int fd) PG_MUST_CHECK;
void pg_fd_close(int fd);

/* Closes a store that no pool uses any more, and frees it with its own close operation. Returns 0,
 * or -EBUSY while a pool uses it. NULL is allowed. */
int pg_store_close(struct pg_store *store);

#ifdef __cplusplus
}
#endif

#endif
