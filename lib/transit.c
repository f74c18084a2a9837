/* SPDX-License-Identifier: MIT */
/*
 * transit.c - pages between the program and their frames' slots.
 *
 * The two directions every page takes, in whichever way the kernel allows, and the only place that
 * knows these ways apart. Neighbours travel together: items whose program addresses and sources (or
 * slots) are contiguous go in one call, which costs a tenth of single ones.
 *
 * In:   by move from the slot: no copy, but the kernel leaves the page writable, so only for pages
 *       that count as DIRTY. By copy from anywhere, write-protected in the same step if the page is
 *       to stay clean. "Move, then protect" would lose a write made in between.
 * Out:  by move into the slot: when the call returns, nobody can write to the page any more. The
 *       kernel refuses (EBUSY) where it has pinned the page for I/O: that page stays.
 *       Where there is no move (Linux before 6.8, read-only mappings): protect, copy, drop. A write
 *       in between faults and waits for the owner. I/O the kernel does into pinned memory bypasses
 *       the protection and can be lost: kernels without move cannot do better.
 *
 * Every item is BUSY and ours, so nothing else changes these pages meanwhile.
 */
#include "transit.h"

#include <errno.h>
#include <sys/mman.h>

struct item *batch_add(struct batch *b, struct region *r, uint64_t page, uint64_t word)
{
        struct item *item = &b->items[b->count++];

        *item = (struct item){.region = r, .page = page, .word = word, .frame = page_frame(word)};
        return item;
}

void batch_drop_failed(struct batch *b)
{
        unsigned kept = 0;

        for (unsigned i = 0; i < b->count; i++)
                if (b->items[i].error == 0)
                        b->items[kept++] = b->items[i];
        b->count = kept;
}

void page_release(struct region *r, uint64_t page, uint64_t word)
{
        page_word *p = region_word(r, page);

        if (!page_commit(p, word))
                return;
        futex_wake(page_futex(p), INT32_MAX);
        page_wake(r, page);
}

void page_wake(struct region *r, uint64_t page)
{
        if (r->pool->how == PG_DELIVERY_THREAD)
                uffd_wake(&r->pool->uffd, region_addr(r, page), region_page_size(r));
}

bool page_is_hole(const struct region *r, uint64_t page)
{
        char *addr = region_addr(r, page);

        for (size_t at = 0; at < region_page_size(r); at += 4096) {
                unsigned char present = 1;

                if (mincore(addr + at, 4096, &present) != 0 || present & 1)
                        return false;
        }
        return true;
}

static bool can_move(const struct region *r)
{
        return r->pool->uffd.can_move && region_is_writable(r);
}

static bool in_own_slot(const struct pg_pool *pool, const struct item *item)
{
        return item->data == frame_slot(&pool->frames, item->frame);
}

/* ---- in ------------------------------------------------------------------------------------ */

static bool comes_next(const struct pg_pool *pool, const struct item *a, const struct item *b)
{
        return b->error == 0 && a->region == b->region && a->page + 1 == b->page &&
               a->data + pool->page_size == b->data && a->clean == b->clean &&
               in_own_slot(pool, a) == in_own_slot(pool, b);
}

/* By move. Returns how many of the n pages went; the rest are untouched. */
static unsigned move_in(struct pg_pool *pool, struct item *first, unsigned n)
{
        char *addr = region_addr(first->region, first->page);
        size_t part, done;

        uffd_move(&pool->uffd, addr, first->data, n * pool->page_size, &done);
        part = done % pool->page_size;
        if (part) {
                done -= part;
                uffd_move(&pool->uffd, first->data + done, addr + done, part, &part);
        }
        return (unsigned)(done >> pool->page_shift);
}

static void copy_in(struct pg_pool *pool, struct item *first, unsigned n)
{
        char *addr = region_addr(first->region, first->page);
        size_t part, done;
        unsigned copied;
        int error =
                uffd_copy(&pool->uffd, addr, first->data, n * pool->page_size, first->clean, &done);

        if (error == -EEXIST)
                trace_broken(&pool->trace, addr + done, first->word,
                             "a page that is out was found mapped");
        part = done % pool->page_size;
        if (part)
                uffd_drop(addr + done - part, part);
        copied = (unsigned)(done >> pool->page_shift);
        if (copied > 0 && in_own_slot(pool, first))
                uffd_drop(first->data, copied * pool->page_size);
        for (unsigned i = copied; i < n; i++)
                first[i].error = error;
}

void transit_in(struct pg_pool *pool, struct batch *b)
{
        unsigned n;

        for (unsigned i = 0; i < b->count; i += n) {
                struct item *first = &b->items[i];
                unsigned moved = 0;

                n = 1;
                if (first->error)
                        continue;
                while (i + n < b->count && comes_next(pool, &first[n - 1], &first[n]))
                        n++;
                if (!first->clean && in_own_slot(pool, first) && can_move(first->region))
                        moved = move_in(pool, first, n);
                if (moved < n)
                        copy_in(pool, first + moved, n - moved);
        }
}

/* ---- out ----------------------------------------------------------------------------------- */

static bool goes_next(const struct item *a, const struct item *b)
{
        return !(b->word & PAGE_QUEUED) && a->region == b->region && a->page + 1 == b->page &&
               a->frame + 1 == b->frame;
}

/* By move. Returns how many went and, in *error, why the next one did not. */
static unsigned move_out(struct pg_pool *pool, struct item *first, unsigned n, int *error)
{
        char *addr = region_addr(first->region, first->page);
        size_t part, done;

        *error = uffd_move(&pool->uffd, first->data, addr, n * pool->page_size, &done);
        part = done % pool->page_size;
        if (part) {
                done -= part;
                uffd_move(&pool->uffd, addr + done, first->data + done, part, &part);
        }
        return (unsigned)(done >> pool->page_shift);
}

/* By protecting, copying and dropping one page. */
static int copy_out(struct pg_pool *pool, struct item *item)
{
        char *addr = region_addr(item->region, item->page);
        bool must_protect = item->word & PAGE_DIRTY && region_is_writable(item->region);
        size_t done;
        int error;

        if (page_is_hole(item->region, item->page))
                return -ENOENT;
        error = must_protect ? uffd_protect(&pool->uffd, addr, pool->page_size) : 0;
        if (error)
                return error;
        error = uffd_copy(&pool->uffd, item->data, addr, pool->page_size, false, &done);
        if (error == 0) {
                uffd_drop(addr, pool->page_size);
                return 0;
        }
        if (done)
                uffd_drop(item->data, done);
        if (must_protect)
                uffd_unprotect(&pool->uffd, addr, pool->page_size);
        return error;
}

void transit_out(struct pg_pool *pool, struct batch *b)
{
        unsigned n;

        for (unsigned i = 0; i < b->count; i++)
                b->items[i].data = frame_slot(&pool->frames, b->items[i].frame);
        for (unsigned i = 0; i < b->count; i += n) {
                struct item *first = &b->items[i];
                int error = -EINVAL;

                n = 1;
                if (first->word & PAGE_QUEUED)
                        continue;
                while (i + n < b->count && goes_next(&first[n - 1], &first[n]))
                        n++;
                if (can_move(first->region)) {
                        unsigned moved = move_out(pool, first, n, &error);

                        if (moved > 0 && moved < n)
                                error = 0; /* look at the one that stopped it by itself */
                        n = moved > 0 ? moved : 1;
                        first += moved > 0 ? moved - 1 : 0;
                }
                if (error == -EINVAL) {
                        n = 1;
                        error = copy_out(pool, first);
                }
                first->error = error;
        }
}
