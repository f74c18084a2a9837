/* SPDX-License-Identifier: MIT */
/*
 * mapping.c - mappings, and the way from an address to its page entry.
 *
 * A mapping is an address range with a guard page at either end and a table of page words. The
 * table is reserved whole and touched sparsely: 1 TiB of 4 KiB pages reserves 2 GiB of table and
 * 64 KiB of `touched` bits, and uses none of it. `touched` lets an unmap walk only what was used.
 *
 * The index is process-wide, because a SIGBUS handler has only an address: a sorted array under a
 * sequence lock. Readers take no lock and retry when a writer was there, which makes them safe in
 * signal handlers and costs a few nanoseconds; writers are rare (map and unmap) and move the tail.
 *
 * Lifetime. mapping structures are type-stable: they come from a table that is never unmapped and
 * go back to a spare list. A reader counts itself into `users` of whatever the index said, then
 * looks again at the state and the range: if they still fit, mapping_kill, which sets the state
 * first and then waits for users == 0, cannot have passed; if not, it leaves. (Both sides use
 * sequentially consistent operations: the reader's increment and its look at the state, the
 * killer's state and its look at users, so at least one sees the other.) A late reader that counts
 * itself into a recycled structure delays that one's unmap for a moment, and does no other harm. A
 * child of fork has none of the readers that were counted: there all counts begin at 0.
 */
#include "mapping.h"
#include "arena.h"
#include "debug.h"
#include "futex_lock.h"
#include "kernel_page.h"
#include "page.h"
#include "pool.h"
#include "readahead.h"

#include <errno.h>
#include <sched.h>
#include <sys/mman.h>

#define REGIONS_MAX   ((size_t)1 << 16)
#define WORDS_PER_BIT 512u /* a page of the table */
#define TOUCHED_BYTES (WORDS_PER_BIT * sizeof(page_word))

static struct {
        struct lock lock; /* writers, and the spare list */
        _Atomic uint32_t sequence;
        _Atomic size_t count;
        _Atomic(struct mapping_slot *) slots;
        struct mapping *mappings; /* the type-stable table */
        size_t made;
        struct mapping *spare;
} index_ = {.lock = LOCK_INIT(LOCK_INDEX)};

/* ---- the index ----------------------------------------------------------------------------- */

static struct mapping *index_search(uintptr_t addr)
{
        struct mapping_slot *slots = atomic_load_explicit(&index_.slots, memory_order_acquire);
        size_t low = 0, high = atomic_load_explicit(&index_.count, memory_order_relaxed);

        while (low < high) {
                size_t mid = low + (high - low) / 2;

                if (addr < atomic_load_explicit(&slots[mid].start, memory_order_relaxed))
                        high = mid;
                else if (addr >= atomic_load_explicit(&slots[mid].end, memory_order_relaxed))
                        low = mid + 1;
                else
                        return atomic_load_explicit(&slots[mid].mapping, memory_order_relaxed);
        }
        return NULL;
}

static struct mapping *index_find(uintptr_t addr)
{
        struct mapping *found;
        uint32_t before, after;

        do {
                before = atomic_load_explicit(&index_.sequence, memory_order_acquire);
                found = before & 1 ? NULL : index_search(addr);
                atomic_thread_fence(memory_order_acquire);
                after = atomic_load_explicit(&index_.sequence, memory_order_relaxed);
        } while ((before & 1) || before != after);
        return found;
}

static void index_move(size_t to, size_t from, size_t n)
{
        struct mapping_slot *slots = atomic_load_explicit(&index_.slots, memory_order_relaxed);

        for (size_t i = 0; i < n; i++) {
                size_t k = to > from ? n - 1 - i : i;

                atomic_store_explicit(&slots[to + k].start, slots[from + k].start,
                                      memory_order_relaxed);
                atomic_store_explicit(&slots[to + k].end, slots[from + k].end,
                                      memory_order_relaxed);
                atomic_store_explicit(&slots[to + k].mapping, slots[from + k].mapping,
                                      memory_order_relaxed);
        }
}

static void index_write_begin(void)
{
        atomic_fetch_add_explicit(&index_.sequence, 1, memory_order_relaxed);
        atomic_thread_fence(memory_order_release);
}

static void index_write_end(void)
{
        atomic_fetch_add_explicit(&index_.sequence, 1, memory_order_release);
}

int mapping_publish(struct mapping *m, struct lock *list_lock, struct mapping **list)
{
        uintptr_t start = (uintptr_t)m->start;
        uintptr_t end = start + (m->npages << m->page_shift);
        struct mapping_slot *slots = atomic_load_explicit(&index_.slots, memory_order_relaxed);
        size_t at = 0, count;

        lock_take(&index_.lock);
        count = atomic_load_explicit(&index_.count, memory_order_relaxed);
        if (count == REGIONS_MAX) {
                lock_drop(&index_.lock);
                return -ENOSPC;
        }
        while (at < count && atomic_load_explicit(&slots[at].start, memory_order_relaxed) < start)
                at++;
        atomic_store(&m->state, MAPPING_LIVE);
        index_write_begin();
        index_move(at + 1, at, count - at);
        atomic_store_explicit(&slots[at].start, start, memory_order_relaxed);
        atomic_store_explicit(&slots[at].end, end, memory_order_relaxed);
        atomic_store_explicit(&slots[at].mapping, m, memory_order_relaxed);
        atomic_store_explicit(&index_.count, count + 1, memory_order_relaxed);
        index_write_end();
        lock_take(list_lock);
        m->next = *list;
        *list = m;
        lock_drop(list_lock);
        lock_drop(&index_.lock);
        return 0;
}

void mapping_withdraw(struct mapping *m, struct lock *list_lock, struct mapping **list)
{
        struct mapping_slot *slots = atomic_load_explicit(&index_.slots, memory_order_relaxed);
        size_t at = 0, count;

        lock_take(&index_.lock);
        count = atomic_load_explicit(&index_.count, memory_order_relaxed);
        while (atomic_load_explicit(&slots[at].mapping, memory_order_relaxed) != m)
                at++;
        index_write_begin();
        index_move(at, at + 1, count - at - 1);
        atomic_store_explicit(&index_.count, count - 1, memory_order_relaxed);
        index_write_end();
        lock_take(list_lock);
        while (*list != m)
                list = &(*list)->next;
        *list = m->next;
        lock_drop(list_lock);
        lock_drop(&index_.lock);
}

void mapping_withdraw_all(const struct pg_pool *pool)
{
        struct mapping_slot *slots = atomic_load_explicit(&index_.slots, memory_order_relaxed);
        size_t count, kept = 0;

        lock_take(&index_.lock);
        count = atomic_load_explicit(&index_.count, memory_order_relaxed);
        index_write_begin();
        for (size_t at = 0; at < count; at++) {
                struct mapping *m = atomic_load_explicit(&slots[at].mapping, memory_order_relaxed);

                if (m->pool != pool)
                        index_move(kept++, at, 1);
        }
        atomic_store_explicit(&index_.count, kept, memory_order_relaxed);
        index_write_end();
        lock_drop(&index_.lock);
}

const char *mapping_index_check(void)
{
        const char *broken = NULL;

        if (DEBUG_WALKS) {
                lock_take(&index_.lock);
                broken = mapping_slots_check(index_.slots, index_.count);
                lock_drop(&index_.lock);
        }
        return broken;
}

uint32_t mapping_index_version(void)
{
        return atomic_load_explicit(&index_.sequence, memory_order_acquire);
}

void mapping_index_lock_for_fork(void)
{
        lock_take_for_fork(&index_.lock);
}

void mapping_index_unlock_for_fork(void)
{
        lock_drop_for_fork(&index_.lock);
}

void mapping_index_in_child(void)
{
        for (size_t i = 0; i < index_.made; i++)
                atomic_store(&index_.mappings[i].users, 0);
        lock_drop_for_fork(&index_.lock);
}

/* ---- users --------------------------------------------------------------------------------- */

struct mapping *mapping_get(uintptr_t addr, bool *dying)
{
        for (;;) {
                struct mapping *m = index_find(addr);
                uint32_t state;

                *dying = false;
                if (!m)
                        return NULL;
                atomic_fetch_add(&m->users, 1);
                state = atomic_load(&m->state);
                if (state == MAPPING_LIVE && addr - (uintptr_t)m->start < m->npages
                                                                                  << m->page_shift)
                        return m;
                mapping_put(m);
                *dying = state == MAPPING_DYING;
                if (*dying)
                        return NULL;
        }
}

void mapping_put(struct mapping *m)
{
        atomic_fetch_sub(&m->users, 1);
}

bool mapping_kill(struct mapping *m)
{
        uint32_t live = MAPPING_LIVE;

        if (!atomic_compare_exchange_strong(&m->state, &live, MAPPING_DYING))
                return false;
        for (unsigned spins = 0; atomic_load(&m->users) != 0; spins++) {
                struct timespec pause = {.tv_nsec = spins < 100 ? 0 : 100000};

                nanosleep(&pause, NULL);
        }
        return true;
}

void mapping_revive(struct mapping *m)
{
        atomic_store(&m->state, MAPPING_LIVE);
        futex_wake(&m->state, INT32_MAX);
}

void mapping_wait_settled(uintptr_t addr)
{
        struct mapping *m = index_find(addr);

        if (m && atomic_load(&m->state) == MAPPING_DYING)
                futex_wait(&m->state, MAPPING_DYING, 1000000);
}

/* ---- making and freeing -------------------------------------------------------------------- */

/* Under the index lock. */
static struct mapping *structure_get(void)
{
        struct mapping *m = index_.spare;

        if (m) {
                index_.spare = m->next;
                return m;
        }
        if (!index_.mappings) {
                struct mapping_slot *slots =
                        arena_reserve(sizeof(*slots) * (REGIONS_MAX + 1), "unpaged-index");

                index_.mappings =
                        arena_reserve(sizeof(struct mapping) * REGIONS_MAX, "unpaged-index");
                if (!slots || !index_.mappings) {
                        arena_release(slots, sizeof(*slots) * (REGIONS_MAX + 1));
                        arena_release(index_.mappings, sizeof(struct mapping) * REGIONS_MAX);
                        index_.mappings = NULL;
                        return NULL;
                }
                atomic_store_explicit(&index_.slots, slots, memory_order_release);
        }
        return index_.made < REGIONS_MAX ? &index_.mappings[index_.made++] : NULL;
}

static void structure_put(struct mapping *m)
{
        lock_take(&index_.lock);
        m->next = index_.spare;
        index_.spare = m;
        lock_drop(&index_.lock);
}

static size_t words_bytes(uint64_t npages)
{
        return (npages * sizeof(page_word) + KERNEL_PAGE_SIZE - 1) & ~(KERNEL_PAGE_SIZE - 1);
}

static size_t touched_bytes(uint64_t npages)
{
        return (((npages / WORDS_PER_BIT) / 64 + 1) * 8 + KERNEL_PAGE_SIZE - 1) &
               ~(KERNEL_PAGE_SIZE - 1);
}

static void as_paged(char *start, size_t size)
{
        munlock(start, size); /* mlockall(MCL_FUTURE) would bring all of it in */
        /* Not in a child: it would see the pages of this moment only, and zeros for all others. */
        madvise(start, size, MADV_DONTFORK);
        madvise(start, size, MADV_NOHUGEPAGE);
        arena_name(start, size, "unpaged-mapping");
}

/* An aligned, inaccessible range with a guard page before and after. */
static char *reserve_guarded(size_t size, size_t page_size)
{
        size_t all = size + 3 * page_size; /* two guards, and room to align */
        char *base, *start, *end;

        if (size > SIZE_MAX - 3 * page_size)
                return NULL;
        base = mmap(NULL, all, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (base == MAP_FAILED)
                return NULL;
        start = (char *)(((uintptr_t)base + 2 * page_size - 1) & ~(page_size - 1));
        end = start + size + page_size;
        if (start - page_size > base)
                munmap(base, (size_t)(start - page_size - base));
        if (end < base + all)
                munmap(end, (size_t)(base + all - end));
        as_paged(start, size);
        return start;
}

static void count_part(struct mapping *m)
{
        atomic_fetch_add_explicit(&m->touched_parts, 1, memory_order_relaxed);
        atomic_fetch_add_explicit(&m->pool->cap.words, TOUCHED_BYTES, memory_order_relaxed);
}

struct mapping *mapping_new(struct pg_pool *pool, unsigned page_shift, uint64_t npages,
                            unsigned flags, pg_location location)
{
        struct mapping *m;

        lock_take(&index_.lock);
        m = structure_get();
        lock_drop(&index_.lock);
        if (!m)
                return NULL;
        /* users is left alone: a late reader may be counted in it. */
        m->pool = pool;
        m->npages = npages;
        m->page_shift = page_shift;
        m->flags = flags;
        m->location = location;
        m->next = NULL;
        atomic_store_explicit(&m->touched_parts, 0, memory_order_relaxed);
        readahead_reset(&m->readahead);
        atomic_store_explicit(&m->history, 0, memory_order_relaxed);
        atomic_store_explicit(&m->made_writable, false, memory_order_relaxed);
        atomic_store_explicit(&m->mlockalls, atomic_load(&pool->mlockalls), memory_order_relaxed);
        m->start = reserve_guarded(npages << page_shift, (size_t)1 << page_shift);
        m->pages = arena_reserve(words_bytes(npages), "unpaged-table");
        m->touched = arena_reserve(touched_bytes(npages), "unpaged-table");
        if (m->start && m->pages && m->touched) {
                count_part(m); /* for `touched` */
                return m;
        }
        mapping_free(m);
        return NULL;
}

int mapping_open(struct mapping *m)
{
        return mprotect(m->start, m->npages << m->page_shift, mapping_prot(m)) == 0 ? 0 : -errno;
}

void mapping_seal(struct mapping *m)
{
        /* Replaced rather than unmapped: while the index still shows this range, nobody else can
         * be given its addresses. */
        mmap(m->start, m->npages << m->page_shift, PROT_NONE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
}

int mapping_cover(void *addr, size_t size, bool paged)
{
        void *there = mmap(addr, size, PROT_NONE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);

        if (there == MAP_FAILED)
                return -errno;
        if (paged)
                as_paged(addr, size);
        return 0;
}

void mapping_free(struct mapping *m)
{
        size_t guard = mapping_page_size(m);

        atomic_fetch_sub(&m->pool->cap.words, m->touched_parts * TOUCHED_BYTES);
        if (m->start)
                munmap(m->start - guard, (m->npages << m->page_shift) + 2 * guard);
        arena_release(m->pages, words_bytes(m->npages));
        arena_release(m->touched, touched_bytes(m->npages));
        atomic_store(&m->state, MAPPING_FREE);
        futex_wake(&m->state, INT32_MAX);
        structure_put(m);
}

/* ---- what was touched ---------------------------------------------------------------------- */

void mapping_touch(struct mapping *m, uint64_t page)
{
        uint64_t bit = page / WORDS_PER_BIT;
        uint64_t mask = (uint64_t)1 << bit % 64;

        if (atomic_load_explicit(&m->touched[bit / 64], memory_order_relaxed) & mask)
                return;
        if (atomic_fetch_or_explicit(&m->touched[bit / 64], mask, memory_order_relaxed) & mask)
                return;
        count_part(m);
}

uint64_t mapping_next_touched(const struct mapping *m, uint64_t page)
{
        uint64_t bit = page / WORDS_PER_BIT;
        uint64_t last = (m->npages - 1) / WORDS_PER_BIT;

        for (; bit <= last; bit = (bit / 64 + 1) * 64) {
                uint64_t bits = atomic_load_explicit(&m->touched[bit / 64], memory_order_relaxed) >>
                                bit % 64;

                if (bits) {
                        uint64_t first = (bit + (uint64_t)__builtin_ctzll(bits)) * WORDS_PER_BIT;

                        return first > page ? first : page;
                }
        }
        return m->npages;
}
