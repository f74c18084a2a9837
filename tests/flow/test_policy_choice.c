/* SPDX-License-Identifier: MIT */
/* Victims are found although the head of the queue cannot go. */
#include <errno.h>
#include <ucontext.h>
#include "probe.h"

#define FILE_PAGES ((size_t)256)

struct file_map {
        struct pg_store *store;
        char *addr;
};

/* Page i of it begins with i. */
static struct file_map map_file(struct pg_pool *pool, size_t npages)
{
        struct file_map m = {.store = file_store_only(numbered_file(npages))};

        m.addr = map_store(pool, m.store, npages, PG_MAP_READONLY);
        ck_assert_int_eq(pg_advise(pool, m.addr, npages * PAGE, PG_ADVICE_RANDOM), 0);
        return m;
}

/* ---- a coroutine on a paged stack ---------------------------------------------------------- */

static struct {
        ucontext_t caller, self;
        struct pg_pool *pool;
        char *pages;
        unsigned errors;
} coroutine;

__attribute__((noinline)) static void use_stack(void)
{
        volatile char below[3 * 4096];

        for (size_t at = 0; at < sizeof(below); at += PAGE)
                below[at] = 1;
}

static void coroutine_body(void)
{
        for (size_t i = 0; i < 2000; i++) {
                if (i % 7 == 0)
                        use_stack();
                for (size_t k = 0; k < i % 5; k++)
                        touch(coroutine.pages + (i * 13 + k * 31) % FILE_PAGES * PAGE);
                if (pg_page_in(coroutine.pool, coroutine.pages + i * 7 % FILE_PAGES * PAGE, PAGE))
                        coroutine.errors++;
        }
}

static void run_coroutine(uint32_t frames)
{
        struct pg_pool *pool = open_frames(PG_DELIVERY_THREAD, frames, 0);
        struct file_map file = map_file(pool, FILE_PAGES);

        coroutine.pool = pool;
        coroutine.pages = file.addr;
        ck_assert_int_eq(getcontext(&coroutine.self), 0);
        coroutine.self.uc_stack.ss_sp = map_pages(pool, 8, 0);
        coroutine.self.uc_stack.ss_size = 8 * PAGE;
        coroutine.self.uc_link = &coroutine.caller;
        makecontext(&coroutine.self, coroutine_body, 0);
        ck_assert_int_eq(swapcontext(&coroutine.caller, &coroutine.self), 0);
        ck_assert_uint_eq(coroutine.errors, 0);
        close_pool(pool);
        pg_store_close(file.store);
}

/* The pages it stands on cannot go while it is in pg_page_in, and may be all there is in the
 * queue. */
START_TEST(a_coroutine_on_a_paged_stack_gets_frames_in_a_pool_of_a_few)
{
        static const uint32_t sizes[] = {8, 10, 16, 24, 32};

        if (SANITIZER[0]) {
                printf("skipped: the %s sanitizer does not know stacks that swapcontext changes\n",
                       SANITIZER);
                return;
        }
        for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
                run_coroutine(sizes[i]);
}
END_TEST

/* ---- a full store -------------------------------------------------------------------------- */

START_TEST(a_full_store_does_not_keep_clean_pages_from_going)
{
        const size_t frames = 1000, dirty = frames * 6 / 10;
        struct pg_zram_config zram = {.size = sizeof(zram), .limit_bytes = 1 << 20};
        struct pg_store *swap;
        struct pg_pool *pool;
        struct file_map file;
        uint64_t *words, random = 1;

        ck_assert_int_eq(pg_store_zram(&swap, &zram), 0);
        pool = open_swap(_i, (uint32_t)frames, 0, swap);
        file = map_file(pool, 2 * frames);
        words = map_pages(pool, dirty, 0);
        for (size_t i = 0; i < dirty * PAGE / sizeof(*words); i++)
                words[i] = random_next(&random); /* nothing that could be compressed */
        ck_assert_int_eq(pg_advise(pool, words, dirty * PAGE, PG_ADVICE_COLD), 0);
        for (size_t i = 0; i < 3 * frames; i++) {
                size_t page = i * 401 % (2 * frames);

                ck_assert_int_eq(access_signal(file.addr + page * PAGE, false), 0);
                ck_assert_uint_eq(*(uint64_t *)(void *)(file.addr + page * PAGE), page);
        }
        ck_assert_uint_eq(stats_of(pool).errors_frames, 0);
        random = 1;
        for (size_t i = 0; i < dirty * PAGE / sizeof(*words); i++)
                ck_assert_uint_eq(words[i], random_next(&random));
        close_pool(pool);
        pg_store_close(file.store);
        pg_store_close(swap);
}
END_TEST

TESTS("choose")
{
        probe_install();
        tcase_add_test(tc, a_coroutine_on_a_paged_stack_gets_frames_in_a_pool_of_a_few);
        add_for_both(tc, a_full_store_does_not_keep_clean_pages_from_going);
}
