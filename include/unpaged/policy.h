/* SPDX-License-Identifier: MIT */
/*
 * policy.h - for authors of policies (eviction algorithms): the table, its contract, and the
 * policies that ship with the library.
 *
 * A policy orders frames. It knows a frame by its number (0 <= frame < nframes) and its page by a
 * 64-bit key; it is never told whether a page is dirty, pinned or where it lies: those are facts,
 * and the pager's. It gets footprint(nframes) bytes of zeroed memory and nothing else: it never
 * allocates, never blocks, never calls back. The same object runs in a pool and in a simulator.
 *
 * Life of a frame, as a policy sees it:
 *
 *         add ──► [accessed]* ──► select ──► queued ──► accessed   (rescued: in use after all)
 *                                                 └───► remove     (its page went out)
 *
 *  - add: the frame got a page and may be selected from now on. Never called for a frame it has.
 *  - remove: the frame must not be selected any more (evicted, pinned, unmapped).
 *  - accessed: evidence that the page was used: it was rescued from the victim queue, or the
 *    application said so, or (right after add) the page had gone out not long before and is wanted
 *    again. Hardware accessed bits cannot be read from user space, so a page that is simply
 *    resident gives no evidence at all.
 *  - select: names the frame whose page should go next, and does not unlink it. The pager then
 *    calls queued, or remove; or, where the page cannot go just now, remove and
 *    add(PG_ADD_RETURNED).
 *  - queued: the page was unmapped and waits in the victim queue. The frame is still the policy's,
 *    but select must not name it again before accessed. A policy without this member gets remove
 *    instead, and add(PG_ADD_RETURNED) followed by accessed when the page is rescued.
 *
 * Context: calls are serialised by the pager, which holds a lock meanwhile and may be in a signal
 * handler: be quick (O(1) amortised), async-signal-safe, and use little stack.
 */
#ifndef UNPAGED_POLICY_H
#define UNPAGED_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <unpaged/attributes.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PG_NO_FRAME UINT32_MAX

enum pg_add {
        PG_ADD_DEMAND,   /* a program touched the page, or asked for it */
        PG_ADD_AHEAD,    /* read ahead: nobody has touched it yet */
        PG_ADD_RETURNED, /* it was selected or pinned before, and comes back */
};

/* `size` as in struct pg_store_ops: members are only appended, those beyond `size` count as
 * NULL. */
struct pg_policy_ops {
        size_t size;
        const char *name;

        /* Bytes of memory wanted for nframes frames; at most 32 * nframes + 4096. */
        size_t (*footprint)(uint32_t nframes);

        /* self is zeroed, 64-byte aligned, footprint(nframes) bytes, and most of it will never be
         * touched where nframes is only an upper bound: do not walk it here. */
        void (*init)(void *self, uint32_t nframes);

        void (*add)(void *self, uint32_t frame, uint64_t key, enum pg_add how);
        void (*remove)(void *self, uint32_t frame);
        void (*accessed)(void *self, uint32_t frame);

        /* PG_NO_FRAME: there is none to name. A policy that answers this (or a number that is no
         * frame) for a tenth of a second although it has frames, and no other page is on its way
         * out, has an error: the access that waits for a frame gets SIGBUS, a call -EPROTO, and
         * pg_config.out_of_room a line with the policy's name. */
        uint32_t (*select)(void *self);

        /* Optional. */
        void (*queued)(void *self, uint32_t frame);

        /* Optional. Walks its own structures; false when an invariant is broken. Debug builds and
         * tests only; may take O(nframes). */
        bool (*check)(const void *self);
};

/* A shipped policy by its name: "sieve" (the default), "bimodal", "clock", "fifo", "lru", "nru",
 * "random", "s3fifo", "sfifo". NULL: no such policy. */
const struct pg_policy_ops *pg_policy_find(const char *name) PG_MUST_CHECK PG_NONNULL(1);

/* The shipped policies in order, for listings, the default first: NULL from the first index beyond
 * the last. */
const struct pg_policy_ops *pg_policy_at(unsigned index) PG_MUST_CHECK;

#ifdef __cplusplus
}
#endif

#endif
