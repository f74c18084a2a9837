/* SPDX-License-Identifier: MIT */
/* steps_advise.c - mprotect, madvise, mlock, mincore, msync. */
#include "conformance.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#define LOCKED_MAX 48u /* pages; a small budget must bear them */

/* ---- mprotect ------------------------------------------------------------------------------- */

void step_protect(void)
{
        static const int prots[] = {PROT_NONE,
                                    PROT_READ,
                                    PROT_READ | PROT_WRITE,
                                    PROT_READ | PROT_WRITE,
                                    PROT_READ | PROT_EXEC,
                                    PROT_READ | PROT_WRITE | PROT_EXEC,
                                    PROT_WRITE};
        struct range r = range_any(window_any(), WINDOW_PAGES);
        int prot = prots[below(7)];
        unsigned done;

        if (random_chance(5)) {
                say_result(mprotect(range_addr(r) + 1, PAGE, prot), "mprotect misaligned");
                say_result(mprotect(range_addr(r), PAGE, 0x100), "mprotect to nonsense");
                say_result(mprotect(range_addr(r), 0, prot), "mprotect of nothing");
        }
        say_result(mprotect(range_addr(r), range_size(r) - below(PAGE), prot), "mprotect %s %s",
                   range_name(r), prot_name(prot));
        done = range_until_hole(r);
        for (unsigned i = 0; i < done; i++)
                range_page(r, i)->prot = (uint8_t)prot;
        range_renumber(r, done);
        range_sum(r);
        if (random_chance(40))
                range_fill(r);
}

/* ---- madvise -------------------------------------------------------------------------------- */

struct advice {
        const char *name;
        int advice;
        uint8_t set, clear;
};

/* What is set or cleared stops at the first page for which it is refused, where one is. */
static unsigned remember(struct range r, const struct advice *a)
{
        for (unsigned i = 0; i < r.pages; i++) {
                struct page *page = range_page(r, i);

                if (a->set == WIPEONFORK && page->kind != ANON && page->kind != HOLE)
                        return i;
                page->flags = (uint8_t)((page->flags | a->set) & ~a->clear);
        }
        return r.pages;
}

void step_advise(void)
{
        static const struct advice advices[] = {
                {"dontneed", MADV_DONTNEED, 0, 0},
                {"dontneed", MADV_DONTNEED, 0, 0},
                {"dontneed", MADV_DONTNEED, 0, 0},
                {"willneed", MADV_WILLNEED, 0, 0},
                {"hugepage", MADV_HUGEPAGE, 0, 0},
                {"nohugepage", MADV_NOHUGEPAGE, 0, 0},
                {"cold", MADV_COLD, 0, 0},
                {"pageout", MADV_PAGEOUT, 0, 0},
                {"dontfork", MADV_DONTFORK, DONTFORK, 0},
                {"dofork", MADV_DOFORK, 0, DONTFORK},
                {"wipeonfork", MADV_WIPEONFORK, WIPEONFORK, 0},
                {"keeponfork", MADV_KEEPONFORK, 0, WIPEONFORK},
                {"populate-read", MADV_POPULATE_READ, 0, 0},
                {"populate-write", MADV_POPULATE_WRITE, 0, 0},
                {"sequential", MADV_SEQUENTIAL, 0, 0},
                {"random", MADV_RANDOM, 0, 0},
                {"normal", MADV_NORMAL, 0, 0},
                {"dontdump", MADV_DONTDUMP, 0, 0},
                {"dodump", MADV_DODUMP, 0, 0},
        };
        const struct advice *a = &advices[below(sizeof(advices) / sizeof(advices[0]))];
        struct range r = range_any(window_any(), WINDOW_PAGES);

        say_result(madvise(range_addr(r), range_size(r) - below(PAGE), a->advice), "madvise %s %s",
                   range_name(r), a->name);
        range_renumber(r, r.pages);
        remember(r, a);
        range_sum(r);
        if (random_chance(20))
                range_fill(r);
}

/*
 * What a page holds after MADV_FREE is its old content or zeros, at the kernel's pleasure: that it
 * is one of the two is all that can be said. Then it is written, which makes it certain again.
 */
void step_advise_free(void)
{
        static char before[WINDOW_PAGES * PAGE];
        struct range r = range_single(window_any(), 64);
        unsigned wrong = 0;
        int result;

        if (r.pages == 0 || !page_writable(range_page(r, 0)))
                return;
        if (range_has(r, ANON)) {
                memcpy(before, range_addr(r), range_size(r));
                if (range_addr(r)[0] == 0)
                        memset(range_addr(r), 7, PAGE), memset(before, 7, PAGE);
        }
        result = madvise(range_addr(r), range_size(r), MADV_FREE);
        say_result(result, "madvise %s free", range_name(r));
        if (!range_has(r, ANON))
                return;
        for (unsigned i = 0; i < r.pages; i++) {
                const char *page = range_addr(r) + i * PAGE;
                bool zero = page[0] == 0 && memcmp(page, page + 1, PAGE - 1) == 0;

                wrong += !zero && memcmp(page, before + i * PAGE, PAGE) != 0;
        }
        say("  %u pages are neither old nor zero", wrong);
        range_fill(r);
        range_sum(r);
}

void step_advise_wrongly(void)
{
        struct range r = range_any(window_any(), 24);
        char *at = range_addr(r);

        say_result(madvise(at, PAGE, 9999), "madvise nonsense");
        say_result(madvise(at, PAGE, -1), "madvise -1");
        say_result(madvise(at + 1, PAGE, MADV_DONTNEED), "madvise misaligned");
        say_result(madvise(at, 0, MADV_DONTNEED), "madvise of nothing");
        say_result(madvise(at, 0, 9999), "madvise nonsense of nothing");
        say_result(madvise(at, (size_t)-1, MADV_DONTNEED), "madvise of everything");
        if (range_is_all(r, ANON))
                say_result(madvise(at, range_size(r), MADV_REMOVE), "madvise %s remove",
                           range_name(r));
        errno = 0;
        say_result(posix_madvise(at, range_size(r), POSIX_MADV_DONTNEED), "posix_madvise %s",
                   range_name(r));
        say_result(posix_madvise(at, PAGE, 77), "posix_madvise nonsense, errno %d", errno);
        range_sum(r);
}

/* ---- mlock ---------------------------------------------------------------------------------- */

static unsigned locked_pages(void)
{
        unsigned n = 0;

        for (struct window *w = state.windows; w < state.windows + WINDOWS; w++)
                if (w->base)
                        n += range_flagged((struct range){w, 0, w->pages}, LOCKED);
        return n;
}

static void lock(struct range r)
{
        bool later = random_chance(20);
        int result = later ? mlock2(range_addr(r), range_size(r), MLOCK_ONFAULT)
                           : mlock(range_addr(r), range_size(r) - below(PAGE));

        say_result(result, "mlock%s %s", later ? "2" : "", range_name(r));
}

void step_lock(void)
{
        struct range r = range_any(window_any(), 8);
        bool unlock = random_chance(50) || locked_pages() > LOCKED_MAX;
        unsigned done = range_until_hole(r);

        if (random_chance(5)) {
                say_result(munlockall(), "munlockall");
                for (struct window *w = state.windows; w < state.windows + WINDOWS; w++)
                        for (unsigned i = 0; i < w->pages; i++)
                                w->page[i].flags &= (uint8_t)~LOCKED;
                return;
        }
        if (random_chance(10)) {
                say_result(mlock2(range_addr(r), PAGE, 8), "mlock2 with nonsense");
                say_result(mlock(range_addr(r), 0), "mlock of nothing");
        }
        if (unlock)
                say_result(munlock(range_addr(r), range_size(r)), "munlock %s", range_name(r));
        else
                lock(r);
        for (unsigned i = 0; i < done; i++) {
                uint8_t *flags = &range_page(r, i)->flags;

                *flags = (uint8_t)(unlock ? *flags & ~LOCKED : *flags | LOCKED);
        }
        range_renumber(r, done);
        range_sum(r);
}

/* ---- questions ------------------------------------------------------------------------------ */

void step_ask(void)
{
        static unsigned char resident[WINDOW_PAGES];
        struct range r = range_any(window_any(), WINDOW_PAGES);
        char *at = range_addr(r);
        size_t size = range_size(r);

        say_result(mincore(at, size, resident), "mincore %s", range_name(r));
        say_result(mincore(at + 1, size, resident), "mincore misaligned");
        say_result(mincore(at, PAGE, (unsigned char *)16), "mincore to nowhere");
        say_result(msync(at, size, MS_ASYNC), "msync %s async", range_name(r));
        say_result(msync(at, size, MS_SYNC), "msync %s sync", range_name(r));
        say_result(msync(at, size, MS_INVALIDATE), "msync %s invalidate", range_name(r));
        say_result(msync(at, size, MS_ASYNC | MS_SYNC), "msync both");
        say_result(msync(at, size, 64), "msync nonsense");
        say_result(msync(at + 1, size, MS_SYNC), "msync misaligned");
        range_sum(r);
}
