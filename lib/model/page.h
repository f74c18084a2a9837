/* SPDX-License-Identifier: MIT */
/*
 * page.h - the page entry: one atomic word per page, the only thing that says where a page is.
 *
 * Layout, low 12 bits flags:
 *
 *   resident       frame number << 12 | RESIDENT [DIRTY] [PINNED] [QUEUED] [WAS_WRITTEN | WAS_READ]
 *   not resident   location           | PLACED             [POISONED] [WAS_WRITTEN | WAS_READ]
 *   born           0                                       [POISONED] [WAS_WRITTEN | WAS_READ]
 *   excluded       0                                       EXCLUDED
 *
 * A born page has not left the linear location of its mapping, so a fresh table of zeros is a
 * mapping whose every page is unpaged, and costs no memory.
 *
 * BUSY is the page's lock: the thread that sets it owns the page, across ioctls and I/O, until it
 * commits a new word. Rules, on which every argument about races in this library rests:
 *   1. Only the owner changes a word; all others may do to a BUSY word is to add WAITED.
 *   2. The owner commits first and wakes then, if WAITED was there. A message or a signal is a
 *      hint that a thread wants the page; the word decides.
 *   3. No thread waits for BUSY while it owns a page or holds a lock or a move context.
 * From 3: the owners of pages never wait for each other, so every BUSY ends.
 *
 * A resident page that is not DIRTY is *backed*: its frame remembers the location of an identical
 * copy. In the program's page table it is then write-protected, always.
 */
#ifndef PAGE_H
#define PAGE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include "futex_lock.h"
#include "kernel_page.h"

#define PAGE_BUSY     ((uint64_t)1 << 0)
#define PAGE_WAITED   ((uint64_t)1 << 1) /* only beside BUSY */
#define PAGE_RESIDENT ((uint64_t)1 << 2) /* holds a frame */
#define PAGE_QUEUED   ((uint64_t)1 << 3) /* resident, but unmapped: in the victim queue */
#define PAGE_DIRTY    ((uint64_t)1 << 4) /* resident: the stores have no copy of it */
#define PAGE_PINNED   ((uint64_t)1 << 5) /* resident: never a victim */
#define PAGE_PLACED   ((uint64_t)1 << 6) /* not resident: the location is in the word */
#define PAGE_POISONED ((uint64_t)1 << 7) /* not resident: could not be brought in; SIGBUS */
#define PAGE_WAS_WRITTEN                                                                           \
        ((uint64_t)1 << 8) /* when it was in last, it was written to (write_predict.h) */
#define PAGE_EXCLUDED ((uint64_t)1 << 9)  /* not resident: the addresses are somebody else's now */
#define PAGE_WAS_READ ((uint64_t)1 << 10) /* when it was in last, it was only read */
#define PAGE_HISTORY  (PAGE_WAS_WRITTEN | PAGE_WAS_READ)

#define PAGE_FLAGS ((uint64_t)(KERNEL_PAGE_SIZE - 1))
_Static_assert(PAGE_FLAGS == 0xfff, "frame numbers begin at bit 12");

typedef _Atomic uint64_t page_word;

static inline uint32_t page_frame(uint64_t word)
{
        return (uint32_t)(word >> 12);
}

static inline uint64_t page_resident(uint32_t frame, uint64_t flags)
{
        return (uint64_t)frame << 12 | PAGE_RESIDENT | flags;
}

static inline uint64_t page_word_read(page_word *page)
{
        return atomic_load_explicit(page, memory_order_acquire);
}

/* Mapped into the program: resident, and not in the victim queue. */
static inline bool page_is_mapped(uint64_t word)
{
        return (word & (PAGE_RESIDENT | PAGE_QUEUED)) == PAGE_RESIDENT;
}

/* Becomes the owner if the word is still `seen`, which must not be BUSY. */
static inline bool page_claim(page_word *page, uint64_t seen)
{
        return atomic_compare_exchange_strong_explicit(page, &seen, seen | PAGE_BUSY,
                                                       memory_order_acquire, memory_order_relaxed);
}

/* Ends ownership. True when somebody waits: the caller must then wake the page's waiters. */
static inline bool page_commit(page_word *page, uint64_t word)
{
        return atomic_exchange_explicit(page, word, memory_order_acq_rel) & PAGE_WAITED;
}

/* Asks the owner for a wake-up. False: there is no owner any more, look again. */
static inline bool page_ask_wake(page_word *page)
{
        uint64_t word = page_word_read(page);

        while (word & PAGE_BUSY) {
                if (word & PAGE_WAITED)
                        return true;
                if (atomic_compare_exchange_weak_explicit(page, &word, word | PAGE_WAITED,
                                                          memory_order_acq_rel,
                                                          memory_order_acquire))
                        return true;
        }
        return false;
}

/* The half of the word that holds the flags, for futexes. */
static inline _Atomic uint32_t *page_futex(page_word *page)
{
        return (_Atomic uint32_t *)(void *)page + (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__);
}

/* Waits until the word has changed once while BUSY, or a little; the caller looks again. */
static inline void page_wait(page_word *page)
{
        lock_assert_none();
        for (unsigned spins = 0; spins < 200; spins++) {
                if (!(page_word_read(page) & PAGE_BUSY))
                        return;
                cpu_relax();
        }
        if (page_ask_wake(page))
                futex_wait(page_futex(page),
                           (uint32_t)page_word_read(page) | PAGE_BUSY | PAGE_WAITED, 0);
}

#endif
