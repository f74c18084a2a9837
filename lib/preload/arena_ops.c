/* SPDX-License-Identifier: MIT */
/*
 * arena_ops.c - makes the arena's pages what the table of ranges says.
 *
 * The arena is one mapping of the pool, and stays that. What the kernel is asked to change of it is
 * the protection, which is all there is to mapping and unmapping here:
 *
 *         free      PROT_NONE, and every page as it was born: reads as zeros
 *         a range   its protection; pages as the program has left them
 *         out       the pager has let go of the addresses; a mapping of the kernel's lies there
 *
 * Freed first becomes inaccessible and then forgets its content, so that a thread that still writes
 * there gets SIGSEGV and leaves nothing behind for the next owner. What is free is left out of
 * core dumps: the kernel would walk through terabytes of nothing, page by page.
 *
 * The pool's pages may be larger than the kernel's, and programs unmap in pieces of the latter. A
 * piece of a page of which the rest is in use is wiped instead of forgotten, which needs no paging
 * but costs a frame for a moment. Where a mapping of the kernel's has covered whole pages and then
 * loses a piece, that piece stays out.
 */
#include "arena_ops.h"
#include "alt_stack.h"
#include "real_syscalls.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#define MOVE_CHUNK    ((size_t)1 << 20)
#define MOVE_PATIENCE 2000u /* times half a millisecond */

static uintptr_t down(uintptr_t addr)
{
        return addr & ~(preload.granule - 1);
}

static uintptr_t up(uintptr_t addr)
{
        return down(addr + preload.granule - 1);
}

/* ---- calls of the pager -------------------------------------------------------------------- */

enum work { WORK_PIN, WORK_ADVISE, WORK_IN, WORK_OUT, WORK_MOVE };

struct job {
        enum work work;
        uintptr_t at, from;
        size_t size;
        enum pg_advice advice;
};

static int run_job(void *arg)
{
        const struct job *j = arg;
        void *at = (void *)j->at;

        switch (j->work) {
        case WORK_PIN:
                return pg_pin(preload.pool, at, j->size);
        case WORK_ADVISE:
                return pg_advise(preload.pool, at, j->size, j->advice);
        case WORK_IN:
                return pg_page_in(preload.pool, at, j->size);
        case WORK_OUT:
                return pg_page_out(preload.pool, at, j->size);
        case WORK_MOVE:
                return pg_move(preload.pool, at, (void *)j->from, j->size);
        }
        return -EINVAL;
}

static int work(enum work work, uintptr_t start, uintptr_t end)
{
        struct job j = {.work = work, .at = down(start), .size = up(end) - down(start)};

        return alt_stack_call(run_job, &j);
}

int arena_pin(uintptr_t start, uintptr_t end)
{
        return work(WORK_PIN, start, end);
}

int arena_page_in(uintptr_t start, uintptr_t end)
{
        return work(WORK_IN, start, end);
}

int arena_page_out(uintptr_t start, uintptr_t end)
{
        return work(WORK_OUT, start, end);
}

void arena_advise(uintptr_t start, uintptr_t end, enum pg_advice advice)
{
        struct job j = {.work = WORK_ADVISE,
                        .at = down(start),
                        .size = up(end) - down(start),
                        .advice = advice};

        alt_stack_call(run_job, &j);
}

/* Is anything in [start, end) pinned? It may be empty. */
static bool has_pins(uintptr_t start, uintptr_t end)
{
        if (start >= end)
                return false;
        for (struct range *r = range_table_find(start); r && r->start < end;
             r = range_table_next(r))
                if (r->flags & RANGE_PINNED)
                        return true;
        return false;
}

/* Pages of which a neighbour has pinned a part stay pinned. */
void arena_unpin(uintptr_t start, uintptr_t end)
{
        uintptr_t first = down(start), last = up(end);

        if (has_pins(first, start))
                first += preload.granule;
        if (has_pins(end, last))
                last -= preload.granule;
        if (first < last)
                pg_unpin(preload.pool, (void *)first, last - first);
}

/* ---- content ------------------------------------------------------------------------------- */

/* Zeros, then the protection again. */
static void wipe(uintptr_t start, uintptr_t end, int prot)
{
        if (real_mprotect((void *)start, end - start, prot | PROT_READ | PROT_WRITE) != 0)
                return;
        memset((void *)start, 0, end - start);
        real_mprotect((void *)start, end - start, prot);
}

/* Forgets what is in [start, end), which is not pinned. Of a page that it has only a part of, the
 * rest must be free, hence zeros already; or else the part is wiped. */
static void forget(uintptr_t start, uintptr_t end, int prot)
{
        uintptr_t first = down(start), last = up(end);

        if (first < start && !range_table_is_free(first, start)) {
                first += preload.granule;
                wipe(start, first < end ? first : end, prot);
        }
        if (first < last && last > end && !range_table_is_free(end, last)) {
                last -= preload.granule;
                wipe(last > start ? last : start, end, prot);
        }
        if (first < last)
                pg_advise(preload.pool, (void *)first, last - first, PG_ADVICE_DISCARD);
}

int arena_discard(uintptr_t start, uintptr_t end)
{
        for (struct range *r = range_table_find(start); r && r->start < end;
             r = range_table_next(r)) {
                uintptr_t from = r->start > start ? r->start : start;
                uintptr_t to = r->end < end ? r->end : end;
                int prot = r->prot;

                if (r->flags & RANGE_LOCKED)
                        return -EINVAL;
                if (r->flags & RANGE_OUT)
                        continue;
                if (r->flags & RANGE_STACK) {
                        unsigned flags = r->flags & ~RANGE_STACK;

                        arena_unpin(from, to);
                        range_table_set(from, to, prot, flags);
                        r = range_table_at(from);
                }
                forget(from, to, prot);
        }
        return 0;
}

/* ---- ranges -------------------------------------------------------------------------------- */

static int arena_protect_pages(uintptr_t start, uintptr_t end, int prot, bool has_key)
{
        if (has_key && real_pkey_mprotect((void *)start, end - start, prot, 0) == 0)
                return 0;
        return real_mprotect((void *)start, end - start, prot) == 0 ? 0 : -errno;
}

static bool has_flag(uintptr_t start, uintptr_t end, unsigned flag)
{
        for (struct range *r = range_table_find(start); r && r->start < end;
             r = range_table_next(r))
                if (r->flags & flag)
                        return true;
        return false;
}

/* What lies out in [start, end) is paged again, and nothing is pinned. */
static int take_back(uintptr_t start, uintptr_t end)
{
        for (struct range *r = range_table_find(start); r && r->start < end;
             r = range_table_next(r)) {
                uintptr_t from = r->start > start ? r->start : start;
                uintptr_t to = r->end < end ? r->end : end;

                if (r->flags & RANGE_PINNED)
                        arena_unpin(from, to);
                if (r->flags & RANGE_OUT &&
                    (from != down(from) || to != down(to) ||
                     pg_include(preload.pool, (void *)from, to - from) != 0))
                        return -ENOMEM;
        }
        return 0;
}

int arena_map(uintptr_t start, uintptr_t end, int prot, unsigned flags)
{
        if (prot != PROT_NONE) {
                if (real_mprotect((void *)start, end - start, prot) != 0)
                        return -ENOMEM;
                real_madvise((void *)start, end - start, MADV_DODUMP);
        }
        range_table_set(start, end, prot, flags);
        if (flags & RANGE_LOCKED && arena_pin(start, end) != 0) {
                arena_give_back(start, end);
                return -EAGAIN;
        }
        return 0;
}

static int release_paged(uintptr_t start, uintptr_t end, unsigned flags)
{
        int error = arena_protect_pages(start, end, PROT_NONE, flags & RANGE_KEY);

        if (error)
                return error;
        if (flags & RANGE_PINNED)
                arena_unpin(start, end);
        range_table_clear(start, end);
        forget(start, end, PROT_NONE);
        real_madvise((void *)start, end - start, MADV_DONTDUMP);
        return 0;
}

/* A part that cannot come back: inaccessible, and still a range. */
static void strand(uintptr_t start, uintptr_t end)
{
        if (start >= end)
                return;
        real_mmap((void *)start, end - start, PROT_NONE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
        range_table_set(start, end, PROT_NONE, RANGE_OUT);
}

static int release_out(uintptr_t start, uintptr_t end)
{
        uintptr_t first = up(start), last = down(end);

        if (first >= last) {
                strand(start, end);
                return 0;
        }
        strand(start, first);
        strand(last, end);
        if (pg_include(preload.pool, (void *)first, last - first) != 0)
                return -ENOMEM;
        range_table_set(first, last, PROT_READ | PROT_WRITE, 0);
        return release_paged(first, last, 0);
}

int arena_give_back(uintptr_t start, uintptr_t end)
{
        uintptr_t at = start;
        struct range *r;

        while (at < end && (r = range_table_find(at)) && r->start < end) {
                uintptr_t from = r->start > start ? r->start : start;
                uintptr_t to = r->end < end ? r->end : end;
                int error = r->flags & RANGE_OUT ? release_out(from, to)
                                                 : release_paged(from, to, r->flags);

                if (error)
                        return error;
                at = to;
        }
        return 0;
}

int arena_renew(uintptr_t start, uintptr_t end, int prot, unsigned flags)
{
        bool has_key = has_flag(start, end, RANGE_KEY);
        int error;

        if (range_table_is_free(start, end))
                return arena_map(start, end, prot, flags);
        error = take_back(start, end);
        if (error)
                return error;
        forget(start, end, PROT_READ | PROT_WRITE);
        error = arena_protect_pages(start, end, prot, has_key);
        range_table_set(start, end, prot, flags);
        if (!error && flags & RANGE_LOCKED && arena_pin(start, end) != 0)
                error = -EAGAIN;
        if (error)
                arena_give_back(start, end);
        else
                real_madvise((void *)start, end - start,
                             prot == PROT_NONE ? MADV_DONTDUMP : MADV_DODUMP);
        return error;
}

int arena_cover(uintptr_t start, uintptr_t end, void *over, int prot)
{
        if (start != down(start) || end != down(end) || take_back(start, end) != 0)
                return -ENOMEM;
        range_table_set(start, end, PROT_NONE, RANGE_OUT);
        if (pg_exclude(preload.pool, (void *)start, end - start) == 0 &&
            real_mremap(over, end - start, end - start, MREMAP_MAYMOVE | MREMAP_FIXED,
                        (void *)start) != MAP_FAILED) {
                range_table_set(start, end, prot, RANGE_OUT);
                return 0;
        }
        arena_give_back(start, end);
        return -ENOMEM;
}

/* ---- moving -------------------------------------------------------------------------------- */

static int move(uintptr_t to, uintptr_t from, size_t size)
{
        struct job j = {.work = WORK_MOVE, .at = to, .from = from, .size = size};

        return alt_stack_call(run_job, &j);
}

/* As it was born: it has not been used, or has moved away. */
static bool is_born(uintptr_t addr)
{
        pg_location location;

        return pg_location_query(preload.pool, (void *)addr, &location) == 0 &&
               location == PG_LOCATION_ANON_ZERO;
}

/* After a move that stopped somewhere: the pages that are left, one by one. Those that the kernel
 * uses (a read in flight into them, for instance) are waited for. */
static int move_rest(uintptr_t to, uintptr_t from, size_t size)
{
        const struct timespec pause = {.tv_nsec = 500000};

        for (size_t at = 0; at < size; at += preload.granule) {
                int error = 0;

                for (unsigned tries = 0; tries < MOVE_PATIENCE; tries++) {
                        if (is_born(from + at))
                                break;
                        error = move(to + at, from + at, preload.granule);
                        if (!error)
                                break;
                        nanosleep(&pause, NULL);
                }
                if (error)
                        return error;
        }
        return 0;
}

static int move_pages(uintptr_t to, uintptr_t from, size_t size)
{
        for (size_t at = 0; at < size; at += MOVE_CHUNK) {
                size_t n = size - at < MOVE_CHUNK ? size - at : MOVE_CHUNK;
                int error = move(to + at, from + at, n);

                if (error)
                        error = move_rest(to + at, from + at, n);
                if (error)
                        return error;
        }
        return 0;
}

int arena_move(uintptr_t to, uintptr_t from, size_t size, int prot)
{
        if (size == 0)
                return 0;
        if ((to | from | size) & (preload.granule - 1)) {
                real_mprotect((void *)from, size, prot | PROT_READ | PROT_WRITE);
                real_mprotect((void *)to, size, prot | PROT_READ | PROT_WRITE);
                memcpy((void *)to, (void *)from, size);
                wipe(from, from + size, prot);
                real_mprotect((void *)to, size, prot);
                return 0;
        }
        if (move_pages(to, from, size) == 0)
                return 0;
        for (size_t at = 0; at < size; at += preload.granule)
                if (!is_born(to + at))
                        move(from + at, to + at, preload.granule);
        return -ENOMEM;
}
