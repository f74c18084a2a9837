/* SPDX-License-Identifier: MIT */
/*
 * range_table.c - what each range of the arena is: a sorted table of ranges.
 *
 * A plain array. Searches are binary; an insertion moves the tail, which for the most ranges there
 * can be (the kernel has a limit of its own for the same thing) is some hundred microseconds, and
 * for the few hundred that programs have is nothing beside the system call that follows.
 *
 * Places are given out lowest first, so what is in use stays together: neighbours with the same
 * protection are one mapping for the kernel and one range here. `gap` remembers where a search may
 * start: below gap.start there is no free place of gap.size bytes or more.
 *
 * Invariants: ranges[i].start < ranges[i].end <= ranges[i + 1].start; and where the latter is an
 * equality, the two differ in protection or flags (but for the moment between cut and join).
 */
#include "range_table.h"
#include "futex_lock.h"
#include "real_syscalls.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static struct {
        struct futex_lock lock;
        struct range *ranges;
        size_t count;
        uintptr_t start, end, floor;
        size_t granule;
        struct {
                uintptr_t start;
                size_t size;
        } gap;
} table;

int range_table_init(uintptr_t start, uintptr_t end, uintptr_t floor, size_t granule)
{
        size_t bytes = RANGE_TABLE_MAX * sizeof(struct range);

        table.ranges = real_mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (table.ranges == MAP_FAILED)
                return -ENOMEM;
        real_munlock(table.ranges, bytes);
        real_madvise(table.ranges, bytes, MADV_NOHUGEPAGE);
        table.count = 0;
        table.start = start;
        table.end = end;
        table.floor = floor;
        table.granule = granule;
        table.gap.start = floor;
        table.gap.size = 0;
        return 0;
}

/* ---- the lock ------------------------------------------------------------------------------ */

/* What is moved, or wiped, under the lock may be out: in signal delivery it comes in by SIGBUS, and
 * the kernel ends a process that blocks that. */
uint64_t range_table_lock(void)
{
        uint64_t signals = real_signals_block(UINT64_C(1) << (SIGBUS - 1));

        futex_lock_take(&table.lock);
        return signals;
}

/* Tier 2 of debug.h: one unlock in 64 looks at the whole table. */
static void assert_sound(void)
{
#if DEBUG_WALKS
        static unsigned unlocks;

        if (unlocks++ % 64 == 0 && !range_table_check())
                debug_fail("the table of ranges is broken");
#endif
}

void range_table_unlock(uint64_t signals)
{
        assert_sound();
        futex_lock_drop(&table.lock);
        real_signals_restore(signals);
}

/* ---- looking ------------------------------------------------------------------------------- */

static size_t search(uintptr_t addr)
{
        size_t low = 0, high = table.count;

        while (low < high) {
                size_t mid = low + (high - low) / 2;

                if (table.ranges[mid].end <= addr)
                        low = mid + 1;
                else
                        high = mid;
        }
        return low;
}

struct range *range_table_find(uintptr_t addr)
{
        size_t i = search(addr);

        return i < table.count ? &table.ranges[i] : NULL;
}

struct range *range_table_next(struct range *r)
{
        return ++r < table.ranges + table.count ? r : NULL;
}

struct range *range_table_at(uintptr_t addr)
{
        struct range *r = range_table_find(addr);

        return r && r->start <= addr ? r : NULL;
}

bool range_table_is_free(uintptr_t start, uintptr_t end)
{
        struct range *r = range_table_find(start);

        return !r || r->start >= end;
}

bool range_table_has_room(size_t n)
{
        return table.count + n <= RANGE_TABLE_MAX;
}

uintptr_t range_table_find_free(size_t size)
{
        uintptr_t at = size >= table.gap.size ? table.gap.start : table.floor;

        for (size_t i = search(at); i < table.count; i++) {
                const struct range *r = &table.ranges[i];

                if (r->start > at && r->start - at >= size)
                        break;
                at = (r->end + table.granule - 1) & ~(table.granule - 1);
        }
        if (at >= table.end || table.end - at < size)
                return 0;
        table.gap.start = at;
        table.gap.size = size;
        return at;
}

/* ---- changing ------------------------------------------------------------------------------ */

static void insert(size_t at, struct range r)
{
        memmove(&table.ranges[at + 1], &table.ranges[at],
                (table.count - at) * sizeof(struct range));
        table.ranges[at] = r;
        table.count++;
}

static void delete (size_t at, size_t n)
{
        memmove(&table.ranges[at], &table.ranges[at + n],
                (table.count - at - n) * sizeof(struct range));
        table.count -= n;
}

static void cut_at(uintptr_t addr)
{
        size_t i = search(addr);
        struct range *r = &table.ranges[i];
        struct range upper;

        if (i == table.count || r->start >= addr)
                return;
        upper = *r;
        upper.start = addr;
        r->end = addr;
        insert(i + 1, upper);
}

void range_table_cut(uintptr_t start, uintptr_t end)
{
        cut_at(start);
        cut_at(end);
}

void range_table_join(uintptr_t start, uintptr_t end)
{
        size_t i = search(start ? start - 1 : 0);

        while (i + 1 < table.count && table.ranges[i].end <= end) {
                struct range *r = &table.ranges[i];

                if (r->end == r[1].start && r->prot == r[1].prot && r->flags == r[1].flags) {
                        r->end = r[1].end;
                        delete (i + 1, 1);
                } else {
                        i++;
                }
        }
}

void range_table_clear(uintptr_t start, uintptr_t end)
{
        size_t from, to;

        range_table_cut(start, end);
        from = search(start);
        for (to = from; to < table.count && table.ranges[to].start < end; to++)
                ;
        delete (from, to - from);
        if (start < table.gap.start) {
                /* The new gap may reach further down than what was freed. */
                uintptr_t low = from ? table.ranges[from - 1].end : table.start;

                low = (low + table.granule - 1) & ~(table.granule - 1);
                table.gap.start = low > table.floor ? low : table.floor;
        }
}

void range_table_set(uintptr_t start, uintptr_t end, int prot, unsigned flags)
{
        struct range r = {.start = start, .end = end, .prot = prot, .flags = flags};
        uintptr_t gap = table.gap.start;

        range_table_clear(start, end);
        table.gap.start = gap; /* nothing became free */
        insert(search(start), r);
        range_table_join(start, end);
}

#if DEBUG_WALKS
bool range_table_check(void)
{
        for (size_t i = 0; i < table.count; i++) {
                const struct range *r = &table.ranges[i];

                if (r->start >= r->end || r->start < table.start || r->end > table.end)
                        return false;
                if (i + 1 == table.count)
                        break;
                if (r->end > r[1].start)
                        return false;
                if (r->end == r[1].start && r->prot == r[1].prot && r->flags == r[1].flags)
                        return false;
        }
        return true;
}
#endif
