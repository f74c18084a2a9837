/* SPDX-License-Identifier: MIT */
/*
 * range_table.c - who has what of the arena: a sorted table of ranges.
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
#include "real_syscalls.h"

#include <errno.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct {
        _Atomic uint32_t word; /* 0 free, 1 held, 2 held and waited for */
        struct range *ranges;
        size_t count;
        uintptr_t start, end, floor;
        size_t granule;
        struct {
                uintptr_t start;
                size_t size;
        } gap;
} space;

int space_init(uintptr_t start, uintptr_t end, uintptr_t floor, size_t granule)
{
        size_t bytes = SPACE_RANGES_MAX * sizeof(struct range);

        space.ranges = raw_mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (space.ranges == MAP_FAILED)
                return -ENOMEM;
        raw_munlock(space.ranges, bytes);
        raw_madvise(space.ranges, bytes, MADV_NOHUGEPAGE);
        space.count = 0;
        space.start = start;
        space.end = end;
        space.floor = floor;
        space.granule = granule;
        space.gap.start = floor;
        space.gap.size = 0;
        return 0;
}

/* ---- the lock ------------------------------------------------------------------------------ */

uint64_t space_lock(void)
{
        uint64_t signals = raw_signals_block();
        uint32_t none = 0;
        int saved = errno;

        if (atomic_compare_exchange_strong(&space.word, &none, 1))
                return signals;
        while (atomic_exchange(&space.word, 2) != 0)
                syscall(SYS_futex, &space.word, FUTEX_WAIT_PRIVATE, 2, NULL, NULL, 0);
        errno = saved; /* free() must not change it */
        return signals;
}

void space_unlock(uint64_t signals)
{
        if (atomic_exchange(&space.word, 0) == 2)
                syscall(SYS_futex, &space.word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
        raw_signals_restore(signals);
}

/* ---- looking ------------------------------------------------------------------------------- */

static size_t search(uintptr_t addr)
{
        size_t low = 0, high = space.count;

        while (low < high) {
                size_t mid = low + (high - low) / 2;

                if (space.ranges[mid].end <= addr)
                        low = mid + 1;
                else
                        high = mid;
        }
        return low;
}

struct range *space_find(uintptr_t addr)
{
        size_t i = search(addr);

        return i < space.count ? &space.ranges[i] : NULL;
}

struct range *space_next(struct range *r)
{
        return ++r < space.ranges + space.count ? r : NULL;
}

struct range *space_at(uintptr_t addr)
{
        struct range *r = space_find(addr);

        return r && r->start <= addr ? r : NULL;
}

bool space_is_free(uintptr_t start, uintptr_t end)
{
        struct range *r = space_find(start);

        return !r || r->start >= end;
}

bool space_has_room(size_t n)
{
        return space.count + n <= SPACE_RANGES_MAX;
}

uintptr_t space_find_free(size_t size)
{
        uintptr_t at = size >= space.gap.size ? space.gap.start : space.floor;

        for (size_t i = search(at); i < space.count; i++) {
                const struct range *r = &space.ranges[i];

                if (r->start > at && r->start - at >= size)
                        break;
                at = (r->end + space.granule - 1) & ~(space.granule - 1);
        }
        if (at >= space.end || space.end - at < size)
                return 0;
        space.gap.start = at;
        space.gap.size = size;
        return at;
}

/* ---- changing ------------------------------------------------------------------------------ */

static void insert(size_t at, struct range r)
{
        memmove(&space.ranges[at + 1], &space.ranges[at],
                (space.count - at) * sizeof(struct range));
        space.ranges[at] = r;
        space.count++;
}

static void delete (size_t at, size_t n)
{
        memmove(&space.ranges[at], &space.ranges[at + n],
                (space.count - at - n) * sizeof(struct range));
        space.count -= n;
}

static void cut_at(uintptr_t addr)
{
        size_t i = search(addr);
        struct range *r = &space.ranges[i];
        struct range upper;

        if (i == space.count || r->start >= addr)
                return;
        upper = *r;
        upper.start = addr;
        r->end = addr;
        insert(i + 1, upper);
}

void space_cut(uintptr_t start, uintptr_t end)
{
        cut_at(start);
        cut_at(end);
}

void space_join(uintptr_t start, uintptr_t end)
{
        size_t i = search(start ? start - 1 : 0);

        while (i + 1 < space.count && space.ranges[i].end <= end) {
                struct range *r = &space.ranges[i];

                if (r->end == r[1].start && r->prot == r[1].prot && r->flags == r[1].flags) {
                        r->end = r[1].end;
                        delete (i + 1, 1);
                } else {
                        i++;
                }
        }
}

void space_clear(uintptr_t start, uintptr_t end)
{
        size_t from, to;

        space_cut(start, end);
        from = search(start);
        for (to = from; to < space.count && space.ranges[to].start < end; to++)
                ;
        delete (from, to - from);
        if (start < space.gap.start) {
                /* The new gap may reach further down than what was freed. */
                uintptr_t low = from ? space.ranges[from - 1].end : space.start;

                low = (low + space.granule - 1) & ~(space.granule - 1);
                space.gap.start = low > space.floor ? low : space.floor;
        }
}

void space_set(uintptr_t start, uintptr_t end, int prot, unsigned flags)
{
        struct range r = {.start = start, .end = end, .prot = prot, .flags = flags};
        uintptr_t gap = space.gap.start;

        space_clear(start, end);
        space.gap.start = gap; /* nothing became free */
        insert(search(start), r);
        space_join(start, end);
}

bool space_check(void)
{
        for (size_t i = 0; i < space.count; i++) {
                const struct range *r = &space.ranges[i];

                if (r->start >= r->end || r->start < space.start || r->end > space.end)
                        return false;
                if (i + 1 == space.count)
                        break;
                if (r->end > r[1].start)
                        return false;
                if (r->end == r[1].start && r->prot == r[1].prot && r->flags == r[1].flags)
                        return false;
        }
        return true;
}
