/* SPDX-License-Identifier: MIT */
/*
 * page_transfer.c - pages between the program and their frames' slots.
 *
 * The two directions every page takes, in whichever way the kernel allows, and the only place that
 * knows these ways apart. Neighbours travel together: ops whose program addresses and sources (or
 * slots) are contiguous go in one call, which costs a tenth of single ones.
 *
 * In:   by move from the slot: no copy, but the kernel leaves the page writable, so only for pages
 *       that count as DIRTY. By copy from anywhere, write-protected in the same step if the page is
 *       to stay clean. "Move, then protect" would lose a write made in between.
 * Out:  dropped where they are, if clean and quick to load again (transfer_drop). Else
 *       by move into the slot: when the call returns, nobody can write to the page any more. The
 *       kernel refuses (EBUSY) where it has pinned the page for I/O: that page stays.
 *       Where there is no move (Linux before 6.8, read-only mappings): protect, copy, drop. A write
 *       in between faults and waits for the owner. I/O the kernel does into pinned memory bypasses
 *       the protection and can be lost: kernels without move cannot do better.
 *
 * A page larger than the kernel's moves piece by piece, and may stop between: then what has gone is
 * put back. A page is out, or in, or the process ends with its history.
 *
 * Every op is BUSY and ours, so nothing else changes these pages meanwhile.
 */
#include "page_transfer.h"
#include "arena.h"
#include "event_ring.h"
#include "frame.h"
#include "kernel_page.h"
#include "mapping.h"
#include "move_context.h"
#include "page.h"
#include "page_presence.h"
#include "pool.h"
#include "uffd.h"

#include <errno.h>
#include <sys/mman.h>

#define MOVE_TRIES 4u

struct page_op *page_batch_add(struct page_batch *b, struct mapping *m, uint64_t page,
                               uint64_t word)
{
        struct page_op *op = &b->ops[b->count++];

        *op = (struct page_op){.mapping = m, .page = page, .word = word, .frame = page_frame(word)};
        return op;
}

void page_batch_drop_failed(struct page_batch *b)
{
        unsigned kept = 0;

        for (unsigned i = 0; i < b->count; i++)
                if (b->ops[i].error == 0)
                        b->ops[kept++] = b->ops[i];
        b->count = kept;
}

static bool can_move(const struct mapping *m)
{
        return m->pool->uffd.can_move && mapping_is_writable(m);
}

static bool in_own_slot(const struct pg_pool *pool, const struct page_op *op)
{
        return op->data == frame_slot(&pool->frames, op->frame);
}

/* ---- mlockall ------------------------------------------------------------------------------ */

/*
 * Pages move only between memory that is locked and memory that is locked, or from one that is not
 * to another; and what is locked is not dropped. mlockall(MCL_CURRENT) locks the slots, and the
 * mappings of that time. The slots cannot be locked otherwise: where they are found so, they are
 * unlocked, and so is every mapping that was there, when it first gets into the way. What the
 * program has locked by mlock(2) in a mapping that did not see that stays there, like pinned.
 */
int slots_discard(struct pg_pool *pool, const struct iovec *ranges, size_t n)
{
        int error = uffd_drop_ranges(ranges, n);

        if (error != -EINVAL)
                return error;
        munlock(pool->frames.slots - ARENA_HEAD, frames_slots_bytes(&pool->frames) + ARENA_HEAD);
        atomic_fetch_add(&pool->mlockalls, 1);
        return uffd_drop_ranges(ranges, n);
}

void slot_discard(struct pg_pool *pool, char *data, size_t size)
{
        struct iovec range = {data, size};

        slots_discard(pool, &range, 1);
}

/* False: it has seen no mlockall since the last time. */
static bool unlock_mapping(struct mapping *m)
{
        uint32_t seen = atomic_load(&m->pool->mlockalls);

        if (atomic_exchange(&m->mlockalls, seen) == seen)
                return false;
        munlock(m->start, m->npages << m->page_shift);
        return true;
}

/* ---- in ------------------------------------------------------------------------------------ */

/* Where a page was poisoned for want of a better way, the mapping itself must be replaced. What
 * comes in so is writable at once. */
static bool needs_sigbus_mapping(const struct pg_pool *pool, const struct page_op *op)
{
        return op->word & PAGE_POISONED && !pool->uffd.can_poison &&
               pool->delivery == PG_DELIVERY_THREAD;
}

static bool comes_next(const struct pg_pool *pool, const struct page_op *a, const struct page_op *b)
{
        return b->error == 0 && !needs_sigbus_mapping(pool, b) && a->mapping == b->mapping &&
               a->page + 1 == b->page && a->data + pool->page_size == b->data &&
               a->clean == b->clean && in_own_slot(pool, a) == in_own_slot(pool, b);
}

/* By move, as far as it goes. Returns the bytes that went. The kernel may refuse for a moment where
 * I/O into the slot has only just ended. */
static size_t move_in(struct pg_pool *pool, struct page_op *first, unsigned n)
{
        char *addr = mapping_addr(first->mapping, first->page);
        size_t size = n * pool->page_size, done = 0, now;

        for (unsigned tries = 0; done < size && tries < MOVE_TRIES; tries++) {
                if (uffd_move(&pool->uffd, addr + done, first->data + done, size - done, &now) !=
                    -EBUSY)
                        tries = MOVE_TRIES;
                done += now;
        }
        return done;
}

/* By copy, from byte `from` of the first op on. A page of several of the kernel's is protected
 * until it is whole: if it cannot be finished, what is there must not have been written to. */
static int copy_in(struct pg_pool *pool, struct page_op *first, size_t from, unsigned n)
{
        char *addr = mapping_addr(first->mapping, first->page);
        size_t size = n * pool->page_size, done;
        bool piecewise = pool->page_size > KERNEL_PAGE_SIZE && mapping_is_writable(first->mapping);
        bool own_slot = in_own_slot(pool, first);
        int error = uffd_copy(&pool->uffd, addr + from, first->data + from, size - from,
                              first->clean || piecewise, &done);

        if (error == -EEXIST)
                event_ring_abort(&pool->ring, addr + from + done, first->word,
                                 "a page that is out was found mapped");
        done += from;
        if (error && from && done < pool->page_size)
                event_ring_abort(&pool->ring, addr, first->word, "a page was torn");
        if (done % pool->page_size) {
                uffd_forget(addr + (done & ~(pool->page_size - 1)), done % pool->page_size);
                done &= ~(pool->page_size - 1);
        }
        if (done > from && own_slot)
                slot_discard(pool, first->data + from, done - from);
        if (done > from && piecewise && !first->clean)
                uffd_unprotect(&pool->uffd, addr + from, done - from);
        for (unsigned i = (unsigned)(done >> pool->page_shift); i < n; i++)
                first[i].error = error;
        return error;
}

static void replace_sigbus_mapping(struct pg_pool *pool, struct page_op *op)
{
        op->error = uffd_replace(&pool->uffd, mapping_addr(op->mapping, op->page), op->data,
                                 pool->page_size, mapping_prot(op->mapping));
        op->clean = op->clean && !mapping_is_writable(op->mapping);
}

/* One run of neighbours. */
static void install_run(struct pg_pool *pool, struct page_op *first, unsigned n)
{
        size_t moved = 0;

        if (!first->clean && in_own_slot(pool, first) && can_move(first->mapping))
                moved = move_in(pool, first, n);
        first += moved >> pool->page_shift;
        n -= (unsigned)(moved >> pool->page_shift);
        if (n == 0 || copy_in(pool, first, moved % pool->page_size, n) == 0 || n == 1)
                return;
        /* A run may fail for what lies between its pages, as a mapping the program has split. */
        for (unsigned i = 0; i < n; i++) {
                if (first[i].error) {
                        first[i].error = 0;
                        copy_in(pool, &first[i], 0, 1);
                }
        }
}

void transfer_in(struct pg_pool *pool, struct page_batch *b)
{
        unsigned n;

        for (unsigned i = 0; i < b->count; i += n) {
                n = 1;
                if (b->ops[i].error)
                        continue;
                if (needs_sigbus_mapping(pool, &b->ops[i])) {
                        replace_sigbus_mapping(pool, &b->ops[i]);
                        continue;
                }
                while (i + n < b->count && comes_next(pool, &b->ops[i + n - 1], &b->ops[i + n]))
                        n++;
                install_run(pool, &b->ops[i], n);
        }
}

/* ---- out ----------------------------------------------------------------------------------- */

static bool goes_next(const struct page_op *a, const struct page_op *b)
{
        return !(b->word & PAGE_QUEUED) && !b->dropped && a->mapping == b->mapping &&
               a->page + 1 == b->page && a->frame + 1 == b->frame;
}

/* A page went out in part: the part goes back, as it was. Protected if the page is clean, or a
 * write to it would go unnoticed. */
static void put_back(struct pg_pool *pool, struct page_op *op, size_t part)
{
        char *addr = mapping_addr(op->mapping, op->page);
        size_t done = 0;
        int error = -EBUSY;

        if (op->word & PAGE_DIRTY)
                error = uffd_move(&pool->uffd, addr, op->data, part, &done);
        if (error) {
                size_t rest = part - done;

                error = uffd_copy(&pool->uffd, addr + done, op->data + done, rest,
                                  !(op->word & PAGE_DIRTY), &rest);
                slot_discard(pool, op->data, part);
        }
        if (error)
                event_ring_abort(&pool->ring, addr, op->word, "a page was torn");
}

/* By move. Returns how many went and, in *error, why the next one did not. */
static unsigned move_out(struct pg_pool *pool, struct page_op *first, unsigned n, int *error)
{
        char *addr = mapping_addr(first->mapping, first->page);
        size_t done;
        unsigned whole;

        *error = uffd_move(&pool->uffd, first->data, addr, n * pool->page_size, &done);
        whole = (unsigned)(done >> pool->page_shift);
        if (done % pool->page_size)
                put_back(pool, &first[whole], done % pool->page_size);
        return whole;
}

/* The program may drop a page, by madvise, at any moment, and a handler thread that touched the
 * hole would wait for itself. So it reads in the way that fails there; without /proc, where there
 * is none, it looks first. In signal delivery the kernel fails every access to a hole. */
static int copy_to_slot(struct pg_pool *pool, char *slot, const char *addr, size_t size)
{
        bool may_touch =
                pool->delivery == PG_DELIVERY_SIGNAL ||
                (pool->uffd.memory < 0 && uffd_present(&pool->uffd, addr, size) == UFFD_ALL);
        size_t done;
        int error = -EFAULT;

        if (may_touch)
                error = uffd_copy(&pool->uffd, slot, addr, size, false, &done);
        if (error == -EFAULT) /* or the program has made it inaccessible */
                error = uffd_peek(&pool->uffd, slot, addr, size);
        if (error)
                slot_discard(pool, slot, size);
        return error;
}

/* By copying and dropping clean pages, which need not be protected first; for a moment they are in
 * memory twice, hence no more than fit into a buffer. Returns how many were dealt with; 0: they
 * must be taken one by one. */
static unsigned copy_out_run(struct pg_pool *pool, struct page_op *first, unsigned n)
{
        char *addr = mapping_addr(first->mapping, first->page);
        size_t size;
        unsigned clean = 0;

        while (clean < n && clean < pool->contexts.run_pages && !(first[clean].word & PAGE_DIRTY))
                clean++;
        size = clean * pool->page_size;
        if (clean < 2 || copy_to_slot(pool, first->data, addr, size) != 0)
                return 0;
        if (uffd_drop(addr, size) == 0)
                return clean;
        for (unsigned i = 0; i < clean; i++) {
                char *there = mapping_addr(first->mapping, first[i].page);

                if (uffd_present(&pool->uffd, there, pool->page_size) == UFFD_NOTHING)
                        continue;
                slot_discard(pool, first[i].data, pool->page_size);
                first[i].error = -EBUSY;
        }
        return clean;
}

/* By protecting, copying and dropping one page. */
static int copy_out(struct pg_pool *pool, struct page_op *op)
{
        char *addr = mapping_addr(op->mapping, op->page);
        bool must_protect = op->word & PAGE_DIRTY;
        int error;

        error = must_protect ? uffd_protect(&pool->uffd, addr, pool->page_size) : 0;
        if (error)
                return error;
        if (copy_to_slot(pool, op->data, addr, pool->page_size) != 0)
                error = -EBUSY; /* a hole is found as one when the page is chosen again */
        else if ((error = uffd_drop(addr, pool->page_size)) != 0)
                slot_discard(pool, op->data, pool->page_size);
        if (error && must_protect)
                uffd_unprotect(&pool->uffd, addr, pool->page_size);
        return error;
}

/* A page that the kernel will not move because a child, or a parent, has had it as well. A clean
 * one may be copied: it has not been written to since it came in, not by I/O either. For another
 * one the kernel must say whether it is pinned, and does when the page is ours alone. */
static int copy_or_unshare(struct pg_pool *pool, struct page_op *op)
{
        int error;

        if (!(op->word & PAGE_DIRTY))
                return copy_out(pool, op);
        /* A modified page may be protected nevertheless (fault_make_writable); to write to it here
         * would be to wait for ourselves. */
        uffd_unprotect(&pool->uffd, mapping_addr(op->mapping, op->page), pool->page_size);
        error = uffd_unshare(mapping_addr(op->mapping, op->page), pool->page_size);
        if (error)
                return error;
        return move_out(pool, op, 1, &error) ? 0 : error;
}

/* One page, after the fast way for runs has failed or is not there. */
static int unmap_one(struct pg_pool *pool, struct page_op *op)
{
        int error = -EINVAL;

        if (page_is_hole(pool, op->mapping, op->page))
                return -ENOENT;
        if (!can_move(op->mapping))
                error = copy_out(pool, op);
        else if (move_out(pool, op, 1, &error))
                return 0;
        else if (error == -EINVAL) /* the program has changed its protection */
                error = copy_out(pool, op);
        else if (error == -EBUSY && atomic_load(&pool->has_forked))
                error = copy_or_unshare(pool, op);
        if (error == -EINVAL && unlock_mapping(op->mapping))
                return unmap_one(pool, op);
        /* Locked by mlock: like pinned. And whatever the kernel did not find, the page was there:
         * only a hole may be given up as lost. */
        return error == -EINVAL || error == -ENOENT ? -EBUSY : error;
}

/*
 * A clean page of a near store is dropped where it is mapped, with all others of its batch in one
 * call. To move it into its slot first, or to copy it there where it cannot be moved, in case it is
 * touched again, costs more than to load it again; and in a process that runs on two CPUs ten times
 * as much, for each move interrupts the other one.
 *
 * Nothing can be lost. The page is clean: the store has what it shows. Pins through which the
 * kernel writes there are none: they would have made it dirty, and a dirty page becomes clean only
 * by going out, which pins refuse. A write of the program's faults, for a clean page is protected,
 * and waits for us; then it finds the page missing. A pin to read, as of a write(2) with O_DIRECT,
 * keeps the memory it has, which shows what was to be written. Only a reader through a pin that
 * stays (a device that was given the memory to read) would not see what is written later: hence the
 * rule of unpaged.h, to pg_pin() such memory.
 *
 * What the program has dropped itself, by madvise, must not come back. At its own place in a file
 * it may: that is what madvise says. For other pages the kernel is asked what is there, and what is
 * not goes the other way. Only a madvise between that question and the drop is not seen: unpaged.h
 * wants pg_advise instead.
 */
enum drop { STAYS, MAY_GO, MAY_GO_IF_THERE };

static enum drop may_drop(struct pg_pool *pool, const struct page_op *op)
{
        pg_location location = frame_at(&pool->frames, op->frame)->location;

        if (op->dropped || !op->bypass_queue || op->word & (PAGE_QUEUED | PAGE_DIRTY) ||
            !pool_is_near(pool, location))
                return STAYS;
        return location == mapping_location(op->mapping, op->page) ? MAY_GO : MAY_GO_IF_THERE;
}

/* Pages that may be dropped, and are there if they must be: their numbers in ctx->drop.go. */
static unsigned droppable(struct pg_pool *pool, struct move_context *ctx)
{
        struct dropping *d = &ctx->drop;
        unsigned n = 0, asked = 0;

        for (unsigned i = 0; i < ctx->out.count; i++) {
                const struct page_op *op = &ctx->out.ops[i];

                switch (may_drop(pool, op)) {
                case MAY_GO:
                        d->go[n++] = (uint8_t)i;
                        break;
                case MAY_GO_IF_THERE:
                        d->addr[asked] = mapping_addr(op->mapping, op->page);
                        d->ask[asked++] = (uint8_t)i;
                        break;
                case STAYS:
                        break;
                }
        }
        if (asked > 0 && uffd_find_present(&pool->uffd, d->addr, d->there, asked))
                for (unsigned i = 0; i < asked; i++)
                        if (d->there[i] >= 0)
                                d->go[n++] = d->ask[i];
        return n;
}

void transfer_drop(struct pg_pool *pool, struct move_context *ctx)
{
        unsigned n = droppable(pool, ctx);

        ctx->ranges.n = 0;
        for (unsigned i = 0; i < n; i++) {
                struct page_op *op = &ctx->out.ops[ctx->drop.go[i]];

                ranges_add(&ctx->ranges, mapping_addr(op->mapping, op->page), pool->page_size);
                op->dropped = true;
        }
        if (n == 0 || uffd_drop_ranges(ctx->ranges.v, ctx->ranges.n) == 0)
                return;
        /* Which one does the kernel refuse (mlock)? To drop the others again does no harm. */
        for (unsigned i = 0; i < n; i++) {
                struct page_op *op = &ctx->out.ops[ctx->drop.go[i]];

                op->dropped = uffd_drop(mapping_addr(op->mapping, op->page), pool->page_size) == 0;
        }
}

void transfer_out(struct pg_pool *pool, struct page_batch *b)
{
        unsigned n;

        for (unsigned i = 0; i < b->count; i++)
                b->ops[i].data = frame_slot(&pool->frames, b->ops[i].frame);
        for (unsigned i = 0; i < b->count; i += n) {
                struct page_op *first = &b->ops[i];
                int ignored;

                n = 1;
                if (first->word & PAGE_QUEUED || first->dropped)
                        continue;
                while (i + n < b->count && goes_next(&first[n - 1], &first[n]))
                        n++;
                n = can_move(first->mapping) ? move_out(pool, first, n, &ignored)
                                             : copy_out_run(pool, first, n);
                if (n == 0) {
                        n = 1;
                        first->error = unmap_one(pool, first);
                }
        }
}
