/* SPDX-License-Identifier: MIT */
/* steps_move.c - mremap. */
#include "conformance.h"

#include <string.h>
#include <sys/mman.h>

/* The pages from `from` are now at `to`, and those after them continue the last one. */
static void pages_move(struct range to, struct range from, bool keep)
{
        static struct page moved[WINDOW_PAGES];
        unsigned n = to.pages < from.pages ? to.pages : from.pages;

        memcpy(moved, range_page(from, 0), n * sizeof(moved[0]));
        for (unsigned i = n; i < to.pages; i++) {
                moved[i] = moved[i - 1];
                moved[i].file_page++;
        }
        if (!keep)
                range_set(from, HOLE, 0, 0);
        memcpy(range_page(to, 0), moved, to.pages * sizeof(moved[0]));
        range_renumber(to, to.pages);
}

static struct range tail(struct range r, unsigned from)
{
        return (struct range){r.window, r.first + from, r.pages - from};
}

/* In place: possible if and only if a hole follows. */
void step_grow(void)
{
        struct range old = range_single(window_any(), WINDOW_PAGES), new = old;
        unsigned room = old.window->pages - 1 - old.first - old.pages;
        char *addr;

        if (old.pages == 0 || room == 0)
                return;
        if (random_chance(60)) { /* make one */
                struct range next = {old.window, old.first + old.pages, 1 + below(room)};

                say_result(munmap(range_addr(next), range_size(next)), "munmap %s",
                           range_name(next));
                range_set(next, HOLE, 0, 0);
        }
        new.pages += 1 + below(room < 16 ? room : 16);
        addr = mremap(range_addr(old), range_size(old), range_size(new), 0);
        say_address(addr, range_addr(old), "mremap %s to %u pages", range_name(old), new.pages);
        if (addr == range_addr(old))
                pages_move(new, old, true);
        range_sum(new);
        if (random_chance(50))
                range_fill(new);
}

void step_shrink(void)
{
        struct range old = range_single(window_any(), WINDOW_PAGES), new = old;
        char *addr;

        if (old.pages < 2)
                return;
        new.pages = 1 + below(old.pages - 1);
        addr = mremap(range_addr(old), range_size(old), range_size(new),
                      random_chance(50) ? MREMAP_MAYMOVE : 0);
        say_address(addr, range_addr(old), "mremap %s to %u pages", range_name(old), new.pages);
        if (addr == range_addr(old))
                range_set(tail(old, new.pages), HOLE, 0, 0);
        range_sum(old);
}

static bool overlap(struct range a, struct range b)
{
        return a.window == b.window && a.first < b.first + b.pages && b.first < a.first + a.pages;
}

/* A place of the same size, or nearly; pages == 0: there is none. */
static struct range place_for(struct range from, bool same)
{
        struct range to = {window_any(), 1, from.pages};
        unsigned room;

        if (!same && random_chance(40))
                to.pages = 1 + below(2 * from.pages);
        if (to.pages > to.window->pages - 2)
                return (struct range){to.window, 1, 0};
        room = to.window->pages - 1 - to.pages;
        to.first = 1 + below(room);
        return to;
}

void step_move(void)
{
        struct range from = range_single(window_any(), WINDOW_PAGES), to;
        char *addr;

        if (from.pages == 0 || (to = place_for(from, false)).pages == 0)
                return;
        addr = mremap(range_addr(from), range_size(from), range_size(to),
                      MREMAP_MAYMOVE | MREMAP_FIXED, range_addr(to));
        say_address(addr, range_addr(to), "mremap %s to %s", range_name(from), range_name(to));
        if (addr == range_addr(to))
                pages_move(to, from, false);
        range_sum(to);
        if (!overlap(to, from))
                range_sum(from);
        if (random_chance(50))
                range_fill(to);
}

/*
 * Grown where the kernel likes, looked at there, and brought back into a window. Holes are plugged,
 * so it always has to move.
 */
void step_move_anywhere(void)
{
        struct range from = range_single(window_any(), WINDOW_PAGES), to;
        unsigned pages;
        uint64_t sum = 0;
        char *addr, *back;

        if (from.pages == 0 || (to = place_for(from, true)).pages == 0 || overlap(to, from))
                return;
        windows_plug();
        pages = from.pages + 1 + below(random_chance(20) ? 1000 : 20);
        addr = mremap(range_addr(from), range_size(from), pages * PAGE, MREMAP_MAYMOVE);
        say_result(addr == MAP_FAILED ? -1 : addr == range_addr(from), "mremap %s to %u pages",
                   range_name(from), pages);
        if (addr == MAP_FAILED || addr == range_addr(from))
                return;
        /* Only private anonymous memory is there for certain: objects and files have an end. */
        if (range_is_all(from, ANON) && page_readable(range_page(from, 0)))
                for (unsigned i = 0; i < pages; i++)
                        sum = checksum(addr + i * PAGE, PAGE, sum);
        if (range_is_all(from, ANON) && page_writable(range_page(from, 0)))
                for (unsigned i = from.pages; i < pages; i++)
                        addr[i * PAGE + i % PAGE] = (char)i;
        say("  sum %016lx", sum);
        back = mremap(addr, pages * PAGE, range_size(to), MREMAP_MAYMOVE | MREMAP_FIXED,
                      range_addr(to));
        say_address(back, range_addr(to), "mremap back to %s", range_name(to));
        if (back == range_addr(to)) {
                pages_move(to, from, false);
        } else {
                munmap(addr, pages * PAGE);
                range_set(from, HOLE, 0, 0);
        }
        range_sum(to);
}

/* What stays behind after MREMAP_DONTUNMAP reads as if it were new. */
void step_move_keep(void)
{
        struct range from = range_single(window_any(), WINDOW_PAGES), to;
        char *addr;

        /* What becomes of locks depends on how far the mapping extends. */
        if (from.pages == 0 || range_flagged(from, LOCKED) ||
            (to = place_for(from, true)).pages == 0 || overlap(to, from))
                return;
        addr = mremap(range_addr(from), range_size(from), range_size(to),
                      MREMAP_MAYMOVE | MREMAP_DONTUNMAP | MREMAP_FIXED, range_addr(to));
        say_address(addr, range_addr(to), "mremap %s to %s and keep", range_name(from),
                    range_name(to));
        if (addr == range_addr(to)) {
                pages_move(to, from, true);
                range_renumber(from, from.pages);
        }
        range_sum(to);
        range_sum(from);
        if (random_chance(50))
                range_fill(from);
}

void step_move_wrongly(void)
{
        struct range r = range_single(window_any(), 16);
        struct range next = {r.window, r.first + r.pages, 1};
        char *at = range_addr(r);
        size_t size = range_size(r);
        const int fixed = MREMAP_MAYMOVE | MREMAP_FIXED;

        if (r.pages < 2 || next.first >= r.window->pages - 1)
                return;
        say_address(mremap(at + 1, size, size, 0), at, "mremap misaligned");
        say_address(mremap(at, size, 0, 0), at, "mremap to nothing");
        say_address(mremap(at, size, size, 64), at, "mremap with odd flags");
        say_address(mremap(at, size, size, MREMAP_FIXED, at), at, "mremap fixed but not moving");
        say_address(mremap(at, size, size, fixed, at + PAGE), at, "mremap over itself");
        say_address(mremap(at, size, size, fixed, at - 1), at, "mremap to a misaligned place");
        say_address(mremap(at, size, size, MREMAP_DONTUNMAP), at, "mremap keep but not move");
        say_address(mremap(at, size, size - PAGE, fixed | MREMAP_DONTUNMAP, at + size), at,
                    "mremap keep and shrink");
        say_address(mremap(at, size, (size_t)1 << 60, MREMAP_MAYMOVE), at, "mremap to too much");
        say_result(munmap(range_addr(next), PAGE), "munmap %s", range_name(next));
        range_set(next, HOLE, 0, 0);
        say_address(mremap(at, size + PAGE, size + 3 * PAGE, 0), at, "mremap across a hole");
        say_address(mremap(range_addr(next), PAGE, 2 * PAGE, 0), at, "mremap of a hole");
        range_sum(r);
}
