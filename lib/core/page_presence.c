/* SPDX-License-Identifier: MIT */
/*
 * page_presence.c - what the kernel has where a page should be.
 *
 * The program can drop pages behind our back (madvise), the mark of a poisoned page among them, and
 * the kernel can take pages into its own swap. A page that is taken for a hole loses its content,
 * so where the two cannot be told apart the answer is that the page is there.
 */
#include "page_presence.h"
#include "kernel_page.h"
#include "mapping.h"
#include "move_context.h"
#include "page.h"
#include "page_state.h"
#include "pool.h"
#include "uffd.h"

uint64_t page_heal(struct pg_pool *pool, struct mapping *m, uint64_t page, uint64_t word)
{
        if (pool->delivery == PG_DELIVERY_THREAD && !pool->uffd.can_poison)
                return word;
        if (pool->delivery == PG_DELIVERY_THREAD)
                uffd_forget(mapping_addr(m, page), pool->page_size);
        return word & ~PAGE_POISONED;
}

bool page_raises_sigbus(struct pg_pool *pool, const struct mapping *m, uint64_t page)
{
        char *addr = mapping_addr(m, page);
        enum uffd_presence there;

        if (pool->delivery != PG_DELIVERY_THREAD || !pool->uffd.can_poison)
                return true;
        there = uffd_present(&pool->uffd, addr, pool->page_size);
        if (there == UFFD_NOTHING && pool->uffd.pagemap >= 0)
                return false;
        /* A piece of a large page was dropped; or it cannot be known, for mincore does not see
         * marks: and that a page is given up must be known. */
        if (there != UFFD_ALL) {
                uffd_drop(addr, pool->page_size);
                uffd_poison(&pool->uffd, addr, pool->page_size);
        }
        return true;
}

/* Without a fault: it is modified, and not saved. */
static bool may_be_written(struct pg_pool *pool, const struct mapping *m, uint64_t page)
{
        struct page_op op = {.mapping = (struct mapping *)(uintptr_t)m, .page = page};

        op.word = page_word_read(mapping_word(op.mapping, page));
        op.frame = page_frame(op.word);
        return op.word & PAGE_DIRTY && mapping_is_writable(m) && !page_is_saved(pool, &op);
}

bool page_is_hole(struct pg_pool *pool, const struct mapping *m, uint64_t page)
{
        static const char zeros[KERNEL_PAGE_SIZE];
        char *addr = mapping_addr(m, page);
        enum uffd_presence there = uffd_present(&pool->uffd, addr, pool->page_size);
        bool unsure = there == UFFD_NOTHING && pool->uffd.pagemap < 0;
        size_t filled = 0, ignored;

        /* A large page with a piece missing: the program has dropped it, and gets what it asked
         * for. A copy onto a piece that is there does nothing. Nor onto one in the kernel's swap,
         * which nothing else tells from a hole where there is no /proc. */
        for (size_t at = 0; (there == UFFD_SOME || unsure) && at < pool->page_size;
             at += sizeof(zeros))
                filled += uffd_copy(&pool->uffd, addr + at, zeros, sizeof(zeros), true, &ignored) ==
                          0;
        if (unsure && filled == pool->page_size / sizeof(zeros)) {
                uffd_forget(addr, pool->page_size);
                return true;
        }
        if (filled > 0 && may_be_written(pool, m, page))
                uffd_unprotect(&pool->uffd, addr, pool->page_size);
        return there == UFFD_NOTHING && !unsure && !uffd_in_core(addr, pool->page_size);
}
