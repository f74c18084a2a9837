/* SPDX-License-Identifier: MIT */
/*
 * page_state.h - what can happen to a page, each transition written once.
 *
 *                        pinned ┌────────┐ unpinned
 *                               ▼        │
 *         ┌──────── came_in ──► mapped ──┴─ taken ──► on its way out ── parked ──► queued
 *         │                        ▲                  │  │  ▲                        │
 *        out                       └─ stayed, ────────┘  │  └──────── taken ─────────┘
 *         ▲                           returned, rescued  │
 *         └──────────────────────── went_out ────────────┘
 *      gone: from any of these to out, without content
 *
 * A transition changes all that has to agree about the page: where its frame stands (policy,
 * victim queue, pins: replacement.h), the frame's own fields, and op->word, the word that the page
 * is to have; and it reports to the observers. No other code changes these together, with two
 * exceptions: victim_select.c takes victims, and fault_make_writable() reports a first write. The
 * word in the page's table stays BUSY and as it was until page_publish() or page_release().
 *
 * On its way out (`op->taken`) a page is in no queue, and the policy knows it as one that waits.
 *
 * The caller owns the page (page.h). Those marked L want the pool lock held; all others, no lock.
 */
#ifndef PAGE_STATE_H
#define PAGE_STATE_H

#include <stdbool.h>
#include <stdint.h>
#include <unpaged/policy.h>
#include <unpaged/unpaged.h>
#include "event_ring.h"

struct mapping;
struct move_context;
struct page_op;
struct pg_pool;

/* L. The page has come into op->frame: as content of `location` that the store keeps (op->clean),
 * or modified. If ctx->pins > 0 the page is pinned, and ctx->pins counts one down. `how`:
 * PG_ADD_DEMAND or PG_ADD_AHEAD. */
void page_came_in(struct pg_pool *pool, struct move_context *ctx, struct page_op *op,
                  enum pg_add how);

/* The page could not be brought into op->frame: the frame is free again. */
void page_stayed_out(struct pg_pool *pool, struct page_op *op);

/* L. A mapped or queued page that is not pinned is on its way out. (victim_select.c takes victims
 * in the same way.) */
void page_taken(struct pg_pool *pool, struct page_op *op);

/* L. A page on its way out is unmapped, and waits in the victim queue: for the first time, or
 * again. */
void page_parked(struct pg_pool *pool, struct page_op *op);

/* L. A page on its way out was touched, and is mapped again. !op->clean: reported as modified; the
 * caller then calls page_modified(), if the page is not DIRTY already. ctx->pins as for
 * page_came_in. */
void page_rescued(struct pg_pool *pool, struct move_context *ctx, struct page_op *op);

/* L. A page on its way out is mapped again, because it could not be saved or need not go. */
void page_returned(struct pg_pool *pool, struct page_op *op);

/* L. A page on its way out could not even be unmapped. Observers do not hear of it: it never
 * left. */
void page_stayed(struct pg_pool *pool, struct page_op *op);

/* L. The content of a page on its way out is safe at op->location: its frame is free. Code that
 * has freed frames calls page_frames_freed(), without the lock. */
void page_went_out(struct pg_pool *pool, struct page_op *op);
void page_frames_freed(struct pg_pool *pool);

/* The content of a page is gone, wherever it is: the program has dropped it, or does not want it
 * any more. Its place in the swap store and its frame, with its pin, are free. Its memory is the
 * caller's business. A poisoned page stays POISONED, for the caller to heal. */
void page_gone(struct pg_pool *pool, struct page_op *op);

/* L. A mapped page is pinned, as ctx->pins promises; and is so no longer. */
void page_pinned(struct pg_pool *pool, struct move_context *ctx, struct page_op *op);
void page_unpinned(struct pg_pool *pool, struct page_op *op);

/* A clean page is modified: the store's copy is outdated. `evidence`: the program has written to
 * it, which is remembered (write_predict.h). */
void page_modified(struct pg_pool *pool, struct page_op *op, bool evidence);

/*
 * Sync. A modified page has been *saved* at op->location, while it was unmapped, and is
 * write-protected where it is mapped again. It stays DIRTY until its store has confirmed that the
 * copy is durable, and is then clean; meanwhile its frame remembers the copy, by which
 * page_is_saved() knows. A write to it ends that (page_modified), and so does page_unsaved(), for a
 * page on its way out: it may come back writable.
 */
void page_saved(struct pg_pool *pool, struct page_op *op);
bool page_is_saved(const struct pg_pool *pool, const struct page_op *op);
void page_unsaved(struct pg_pool *pool, struct page_op *op);
void page_cleaned(struct page_op *op);

/* A page lives at other addresses from now on, those of `to`. Its word moves with it, unchanged. */
void page_moved(struct pg_pool *pool, const struct mapping *m, uint64_t page, uint64_t word,
                struct mapping *to, uint64_t to_page);

/* Ends the ownership with op->word as the page's word, and notes the event. */
void page_publish(struct pg_pool *pool, const struct move_context *ctx, const struct page_op *op,
                  enum ring_event event);

/* Ends the ownership of a page: the new word is visible first, then its waiters are woken. */
void page_release(struct mapping *m, uint64_t page, uint64_t word);

/* Frees the place in the swap store that was reserved for a page, if `owned` says so. */
void copy_forget(struct pg_pool *pool, pg_location location, bool owned);

#endif
