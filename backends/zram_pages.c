/* SPDX-License-Identifier: MIT */
/*
 * zram_pages.c - places of one page each, of which only the used part has memory.
 *
 * Theory of operation. A place is a page's worth of address space; content that is shorter touches
 * only the system's pages it needs, so it wastes half of one on average and never any more,
 * whatever was stored and freed before. Address space is spent instead, of which there is plenty.
 * Content stays where it is until it is freed: page_at may hand its address out.
 *
 * What is freed goes back to the system: at once when it is shorter than a page (a call to the
 * kernel is little beside compressing 32 KiB), but pages kept as they are come and go at a rate
 * where that call and the fault of the next use would cost more than the copying. Of these some
 * stay idle for the next taker, linked through their own bytes, and go back by the batch,
 * neighbours together.
 *
 * Invariants: fresh == taken + idle_count + bare_count + places in a batch under way
 *             the stack has room for `fresh` numbers, so freeing cannot fail
 *
 * Locking: pages->lock for the lists; memory is given back without it, by the owner of the place.
 */
#include "zram_pages.h"
#include "arena.h"
#include "kernel_page.h"

#include <errno.h>

#define BATCH      32u                 /* places that are given back together */
#define IDLE_BYTES ((size_t)256 << 10) /* that stay idle, */
#define IDLE_SHARE 32u                 /* and 1/32 of the pages in use */

static void pages_give_back(struct zram_pages *pages, uint32_t place, size_t bytes)
{
        arena_forget(zram_pages_at(pages, place), bytes);
        budget_credit(pages->budget, bytes);
}

/* Caller holds the lock. */
static void push_bare(struct zram_pages *pages, uint32_t place)
{
        ((uint32_t *)(void *)pages->bare.base)[pages->bare_count++] = place;
}

/* A place without memory; caller holds the lock. */
static uint32_t pop_bare(struct zram_pages *pages)
{
        if (pages->bare_count)
                return ((uint32_t *)(void *)pages->bare.base)[--pages->bare_count];
        if (pages->fresh == pages->limit ||
            !budget_grow(pages->budget, &pages->bare, (pages->fresh + 1u) * sizeof(uint32_t)))
                return ZRAM_NO_PLACE;
        return pages->fresh++;
}

static uint32_t pop_idle(struct zram_pages *pages)
{
        uint32_t place = pages->idle - 1;

        pages->idle = *(uint32_t *)zram_pages_at(pages, place);
        pages->idle_count--;
        return place;
}

uint32_t zram_pages_alloc(struct zram_pages *pages, size_t bytes)
{
        uint32_t place;

        futex_lock_take(&pages->lock);
        if (bytes == pages->page_size && pages->idle) {
                place = pop_idle(pages);
        } else {
                place = pop_bare(pages);
                if (place != ZRAM_NO_PLACE &&
                    !budget_charge(pages->budget, budget_round(pages->budget, bytes))) {
                        push_bare(pages, place);
                        place = ZRAM_NO_PLACE;
                }
        }
        if (place != ZRAM_NO_PLACE)
                pages->full += bytes == pages->page_size;
        futex_lock_drop(&pages->lock);
        return place;
}

static void sort(uint32_t *numbers, uint32_t count)
{
        for (uint32_t i = 1; i < count; i++) {
                uint32_t number = numbers[i];
                uint32_t k = i;

                for (; k && numbers[k - 1] > number; k--)
                        numbers[k] = numbers[k - 1];
                numbers[k] = number;
        }
}

bool zram_pages_reclaim(struct zram_pages *pages)
{
        uint32_t batch[BATCH];
        uint32_t count = 0;

        futex_lock_take(&pages->lock);
        while (count < BATCH && pages->idle)
                batch[count++] = pop_idle(pages);
        futex_lock_drop(&pages->lock);

        sort(batch, count);
        for (uint32_t first = 0, next = 0; first < count; first = next) {
                while (next < count && batch[next] - batch[first] == next - first)
                        next++;
                pages_give_back(pages, batch[first], (next - first) * pages->page_size);
        }

        futex_lock_take(&pages->lock);
        for (uint32_t i = 0; i < count; i++)
                push_bare(pages, batch[i]);
        futex_lock_drop(&pages->lock);
        return count > 0;
}

void zram_pages_free(struct zram_pages *pages, uint32_t place, size_t bytes)
{
        bool whole = bytes == pages->page_size;
        bool many = false;

        if (!whole)
                pages_give_back(pages, place, budget_round(pages->budget, bytes));
        futex_lock_take(&pages->lock);
        if (whole) {
                *(uint32_t *)zram_pages_at(pages, place) = pages->idle;
                pages->idle = place + 1;
                pages->full--;
                many = ++pages->idle_count >
                       IDLE_BYTES / pages->page_size + pages->full / IDLE_SHARE;
        } else {
                push_bare(pages, place);
        }
        futex_lock_drop(&pages->lock);
        if (many)
                zram_pages_reclaim(pages);
}

void zram_pages_start(struct zram_pages *pages, size_t page_size)
{
        pages->page_size = page_size;
        pages->limit = (uint32_t)(pages->bytes / page_size);
}

int zram_pages_open(struct zram_pages *pages, struct budget *budget, size_t bytes)
{
        pages->budget = budget;
        pages->bytes = bytes;
        pages->bare.bytes = bytes / KERNEL_PAGE_SIZE * sizeof(uint32_t);
        pages->bare.base = arena_reserve(pages->bare.bytes, "unpaged-zram");
        pages->base = pages->bare.base ? arena_reserve(bytes, "unpaged-zram") : NULL;
        return pages->base ? 0 : -ENOMEM;
}

void zram_pages_close(struct zram_pages *pages)
{
        arena_release(pages->base, pages->bytes);
        arena_release(pages->bare.base, pages->bare.bytes);
}
