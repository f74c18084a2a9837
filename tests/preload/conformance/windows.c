/* SPDX-License-Identifier: MIT */
/* windows.c - where the steps take place, and what is remembered of it. */
#include "conformance.h"
#include "bench_util.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

/* ---- ranges --------------------------------------------------------------------------------- */

char *range_addr(struct range r)
{
        return r.window->base + r.first * PAGE;
}

size_t range_size(struct range r)
{
        return r.pages * PAGE;
}

struct page *range_page(struct range r, unsigned i)
{
        return &r.window->page[r.first + i];
}

bool range_has(struct range r, enum kind kind)
{
        for (unsigned i = 0; i < r.pages; i++)
                if (range_page(r, i)->kind == kind)
                        return true;
        return false;
}

bool range_is_all(struct range r, enum kind kind)
{
        for (unsigned i = 0; i < r.pages; i++)
                if (range_page(r, i)->kind != kind)
                        return false;
        return true;
}

unsigned range_until_hole(struct range r)
{
        unsigned i = 0;

        while (i < r.pages && range_page(r, i)->kind != HOLE)
                i++;
        return i;
}

unsigned range_flagged(struct range r, unsigned flag)
{
        unsigned n = 0;

        for (unsigned i = 0; i < r.pages; i++)
                n += (range_page(r, i)->flags & flag) != 0;
        return n;
}

void range_set(struct range r, enum kind kind, int prot, int file_page)
{
        state.last_id++;
        for (unsigned i = 0; i < r.pages; i++)
                *range_page(r, i) = (struct page){
                        .kind = (uint8_t)kind,
                        .prot = (uint8_t)prot,
                        .file_page = file_page + (int)i,
                        .id = state.last_id,
                };
}

void range_renumber(struct range r, unsigned pages)
{
        uint32_t before = 0;

        for (unsigned i = 0; i < pages; i++) {
                struct page *page = range_page(r, i);

                if (page->id != before)
                        state.last_id++;
                before = page->id;
                page->id = state.last_id;
        }
}

static bool page_beyond(const struct page *page)
{
        return (page->kind == FILE_PRIVATE || page->kind == FILE_SHARED) &&
               page->file_page >= FILE_PAGES;
}

/* What can be written can be read, on the processors there are. */
bool page_readable(const struct page *page)
{
        return page->kind != HOLE && (page->prot & (PROT_READ | PROT_WRITE)) && !page_beyond(page);
}

bool page_writable(const struct page *page)
{
        return page->kind != HOLE && (page->prot & PROT_WRITE) && !page_beyond(page);
}

struct range range_any(struct window *w, unsigned max)
{
        unsigned inner = w->pages - 2, first = 1 + below(inner);
        unsigned rest = w->pages - 1 - first;

        if (random_chance(60) && rest > 12)
                rest = 12;
        if (rest > max)
                rest = max;
        return (struct range){w, first, 1 + below(rest)};
}

struct range range_single(struct window *w, unsigned max)
{
        unsigned start = 1 + below(w->pages - 2), first, end;

        for (unsigned tries = 1; w->page[start].kind == HOLE; tries++) {
                if (tries == w->pages)
                        return (struct range){w, 1, 0};
                start = start == w->pages - 2 ? 1 : start + 1;
        }
        for (first = start; first > 1 && w->page[first - 1].id == w->page[start].id &&
                            w->page[first - 1].kind != HOLE;)
                first--;
        for (end = start + 1; end < w->pages - 1 && w->page[end].id == w->page[start].id &&
                              w->page[end].kind != HOLE;)
                end++;
        if (random_chance(60)) { /* a part of it */
                first += below(start - first + 1);
                end -= below(end - start);
        }
        return (struct range){w, first, end - first < max ? end - first : max};
}

/* ---- content -------------------------------------------------------------------------------- */

struct pass {
        struct range range;
        uint64_t value;
};

static void fill(void *arg)
{
        struct pass *pass = arg;

        for (unsigned i = 0; i < pass->range.pages; i++)
                if (page_writable(range_page(pass->range, i)))
                        random_fill(range_addr(pass->range) + i * PAGE, PAGE, pass->value + i);
}

static void sum(void *arg)
{
        struct pass *pass = arg;

        for (unsigned i = 0; i < pass->range.pages; i++)
                if (page_readable(range_page(pass->range, i)))
                        pass->value =
                                checksum(range_addr(pass->range) + i * PAGE, PAGE, pass->value + i);
}

static void run_pass(void (*body)(void *), struct pass *pass, const char *what)
{
        char *at;
        int signal = fault_of(body, pass, &at);

        if (signal)
                say("%s %s raises %s at byte %td", what, range_name(pass->range),
                    sigabbrev_np(signal), at - range_addr(pass->range));
}

void range_fill(struct range r)
{
        struct pass pass = {r, random_next(&state.random)};

        run_pass(fill, &pass, "fill");
}

static void count_used(void *arg)
{
        struct pass *pass = arg;

        for (unsigned i = 0; i < pass->range.pages; i++) {
                const char *page = range_addr(pass->range) + i * PAGE;

                if (page_readable(range_page(pass->range, i)) &&
                    (page[0] || memcmp(page, page + 1, PAGE - 1) != 0))
                        say("  page %u is not new", pass->range.first + i);
        }
}

void range_expect_new(struct range r)
{
        struct pass pass = {r, 0};

        run_pass(count_used, &pass, "look at");
}

static struct range whole(struct window *w)
{
        return (struct range){w, 1, w->pages - 2};
}

void range_sum(struct range r)
{
        struct pass pass = {r, 0};

        run_pass(sum, &pass, "sum");
        say("  sum %s %016lx", range_name(r), pass.value);
}

void windows_sum(void)
{
        struct window *w;

        for (w = state.windows; w < state.windows + WINDOWS; w++)
                if (w->base)
                        range_sum(whole(w));
}

/* ---- windows -------------------------------------------------------------------------------- */

static void plug(struct range r)
{
        void *addr = mmap(range_addr(r), range_size(r), PROT_NONE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

        if (addr != range_addr(r))
                say_address(addr, range_addr(r), "plug %s", range_name(r));
        range_set(r, ANON, PROT_NONE, 0);
}

void windows_plug(void)
{
        struct window *w;

        for (w = state.windows; w < state.windows + WINDOWS; w++) {
                struct range r = {w, 1, 0};

                for (; w->base && r.first < w->pages - 1; r.first++) {
                        r.pages = 0;
                        while (w->page[r.first + r.pages].kind == HOLE)
                                r.pages++;
                        if (r.pages)
                                plug(r);
                        r.first += r.pages;
                }
        }
}

struct window *window_new(void)
{
        static const int prots[] = {PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE, PROT_READ,
                                    PROT_NONE, PROT_READ | PROT_WRITE | PROT_EXEC};
        static const int extras[] = {0, 0, MAP_POPULATE, MAP_NORESERVE};
        int prot = prots[below(5)], extra = extras[below(4)];
        struct window *w = state.windows;

        while (w->base)
                if (++w == state.windows + WINDOWS)
                        return NULL;
        w->pages = random_chance(50) ? 3 + below(30) : 3 + below(WINDOW_PAGES - 3);
        windows_plug();
        w->base = mmap(NULL, w->pages * PAGE, prot, MAP_PRIVATE | MAP_ANONYMOUS | extra, -1, 0);
        say_result(w->base == MAP_FAILED ? -1 : 0, "new %s %s %s", range_name(whole(w)),
                   prot_name(prot),
                   extra == 0              ? ""
                   : extra == MAP_POPULATE ? "populate"
                                           : "noreserve");
        if (w->base == MAP_FAILED)
                give_up("mmap");
        if (mprotect(w->base, PAGE, PROT_NONE) != 0 ||
            mprotect(w->base + (w->pages - 1) * PAGE, PAGE, PROT_NONE) != 0)
                give_up("mprotect");
        range_set((struct range){w, 0, w->pages}, ANON, prot, 0);
        range_expect_new(whole(w));
        return w;
}

struct window *window_any(void)
{
        unsigned start = below(WINDOWS);

        for (unsigned i = 0; i < WINDOWS; i++) {
                struct window *w = &state.windows[(start + i) % WINDOWS];

                if (w->base)
                        return w;
        }
        return window_new();
}

void window_drop(struct window *w)
{
        say_result(munmap(w->base, w->pages * PAGE), "drop w%u", (unsigned)(w - state.windows));
        w->base = NULL;
}
