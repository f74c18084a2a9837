/* SPDX-License-Identifier: MIT */
/* Mappings of a file: private ones leave it alone, shared ones go back to it. */
#include "flaky_store.h"
#include "probe.h"

#include <sys/syscall.h>

#define NPAGES ((size_t)32)

static uint64_t file_word(int fd, size_t page)
{
        uint64_t word;

        ck_assert_int_eq(pread(fd, &word, sizeof(word), (off_t)(page * PAGE)), sizeof(word));
        return word;
}

START_TEST(a_private_write_goes_to_swap_and_leaves_the_file_alone)
{
        struct pg_pool *pool = open_frames(_i, 8, PG_POOL_STRICT);
        int fd = numbered_file(NPAGES);
        struct pg_store *store = file_store(fd);
        char *addr = map_store(pool, store, NPAGES, 0);

        check_pages(addr, NPAGES, 0);
        ck_assert_uint_eq(stats_of(pool).evictions_clean, NPAGES - 8);
        ck_assert_uint_eq(stats_of(pool).pages_out, 0);
        fill_pages(addr, NPAGES, 500);
        check_pages(addr, NPAGES, 500);
        ck_assert_uint_ge(stats_of(pool).swap_pages, NPAGES - 8);
        ck_assert_int_eq(pg_sync(pool, addr, NPAGES * PAGE), 0);
        for (size_t i = 0; i < NPAGES; i++)
                ck_assert_uint_eq(file_word(fd, i), i);
        ck_assert_int_eq(pg_unmap(pool, addr, NPAGES * PAGE), 0);
        ck_assert_uint_eq(stats_of(pool).swap_pages, 0);
        ck_assert_uint_eq(file_word(fd, 3), 3);
        close_pool(pool);
        ck_assert_int_eq(pg_store_close(store), 0);
        close(fd);
}
END_TEST

START_TEST(a_shared_write_goes_back_to_the_file)
{
        struct pg_pool *pool = open_frames(_i, 8, PG_POOL_STRICT);
        int fd = numbered_file(NPAGES);
        struct pg_store *store = file_store(fd);
        char *addr = map_store(pool, store, NPAGES, PG_MAP_SHARED);
        size_t there = 0;

        fill_pages(addr, NPAGES, 600);
        for (size_t i = 0; i < NPAGES; i++)
                there += file_word(fd, i) == 600 + i;
        ck_assert_uint_eq(there, NPAGES - 8); /* by eviction */
        ck_assert_uint_eq(stats_of(pool).swap_pages, 0);
        ck_assert_int_eq(pg_sync(pool, addr, NPAGES * PAGE), 0);
        for (size_t i = 0; i < NPAGES; i++)
                ck_assert_uint_eq(file_word(fd, i), 600 + i);
        ck_assert_uint_eq(count_resident(pool, addr, NPAGES), 8);

        fill_pages(addr, NPAGES, 700);
        ck_assert_int_eq(pg_unmap(pool, addr, NPAGES * PAGE), 0);
        for (size_t i = 0; i < NPAGES; i++)
                ck_assert_uint_eq(file_word(fd, i), 700 + i);

        addr = map_store(pool, store, NPAGES, PG_MAP_SHARED);
        fill_pages(addr, NPAGES, 800);
        close_pool(pool); /* and so does this */
        for (size_t i = 0; i < NPAGES; i++)
                ck_assert_uint_eq(file_word(fd, i), 800 + i);
        ck_assert_int_eq(pg_store_close(store), 0);
        close(fd);
}
END_TEST

START_TEST(sync_writes_each_modified_page_once)
{
        struct pg_pool *pool = open_frames(_i, 16, PG_POOL_STRICT);
        struct flaky *f = flaky_new(NPAGES, PAGE, true);
        char *addr = map_store(pool, &f->store, NPAGES, PG_MAP_SHARED);
        uint64_t faults;

        check_pages(addr, 8, 0);
        ck_assert_int_eq(pg_sync(pool, addr, NPAGES * PAGE), 0);
        ck_assert_int_eq(atomic_load(&f->saves), 0);
        ck_assert_int_eq(atomic_load(&f->syncs), 1);
        fill_pages(addr, 4, 50);
        ck_assert_int_eq(pg_sync(pool, addr, NPAGES * PAGE), 0);
        ck_assert_uint_eq(stats_of(pool).pages_out, 4);
        ck_assert_int_eq(atomic_load(&f->syncs), 2);
        faults = faults_of(pool);
        check_pages(addr, 4, 50); /* still resident */
        ck_assert_uint_eq(faults_of(pool), faults);
        ck_assert_int_eq(pg_sync(pool, addr, NPAGES * PAGE), 0); /* and clean */
        ck_assert_uint_eq(stats_of(pool).pages_out, 4);
        fill_pages(addr, 1, 60); /* a write makes it dirty again */
        ck_assert_int_eq(pg_sync(pool, addr, NPAGES * PAGE), 0);
        ck_assert_uint_eq(stats_of(pool).pages_out, 5);
        ck_assert_uint_eq(*(uint64_t *)(void *)f->pages, 60);
        close_pool(pool);
        flaky_delete(f);
}
END_TEST

START_TEST(sync_writes_pinned_and_queued_pages)
{
        struct pg_pool *pool = open_frames(_i, 16, 0);
        struct flaky *f = flaky_new(NPAGES, PAGE, true);
        char *addr = map_store(pool, &f->store, NPAGES, PG_MAP_SHARED);

        fill_pages(addr, 4, 50);
        ck_assert_int_eq(pg_pin(pool, addr, PAGE), 0);
        ck_assert_int_eq(pg_advise(pool, addr + PAGE, PAGE, PG_ADVICE_COLD), 0);
        ck_assert_int_eq(pg_sync(pool, addr, NPAGES * PAGE), 0);
        for (size_t i = 0; i < 4; i++)
                ck_assert_uint_eq(*(uint64_t *)(void *)(f->pages + i * PAGE), 50 + i);
        fill_pages(addr, 1, 51); /* the pinned page */
        ck_assert_int_eq(pg_sync(pool, addr, NPAGES * PAGE), 0);
        ck_assert_uint_eq(*(uint64_t *)(void *)f->pages, 51);
        check_pages(addr + PAGE, 3, 51);
        close_pool(pool);
        flaky_delete(f);
}
END_TEST

START_TEST(sync_tells_an_error_and_writes_those_pages_again)
{
        struct pg_pool *pool = open_frames(_i, 16, PG_POOL_STRICT);
        struct flaky *f = flaky_new(NPAGES, PAGE, true);
        char *addr = map_store(pool, &f->store, NPAGES, PG_MAP_SHARED);

        fill_pages(addr, 4, 50);
        atomic_store(&f->fail_page, 2);
        atomic_store(&f->fail_save, EIO);
        ck_assert_int_eq(pg_sync(pool, addr, NPAGES * PAGE), -EIO);
        ck_assert_uint_eq(*(uint64_t *)(void *)(f->pages + 2 * PAGE), 2);
        ck_assert_int_eq(pg_unmap(pool, addr, NPAGES * PAGE), -EIO); /* it lives on */
        check_pages(addr, 4, 50);
        atomic_store(&f->fail_save, 0);
        atomic_store(&f->fail_sync, EIO);
        ck_assert_int_eq(pg_sync(pool, addr, NPAGES * PAGE), -EIO);
        atomic_store(&f->fail_sync, 0);
        ck_assert_int_eq(pg_sync(pool, addr, NPAGES * PAGE), 0);
        for (size_t i = 0; i < 4; i++)
                ck_assert_uint_eq(*(uint64_t *)(void *)(f->pages + i * PAGE), 50 + i);
        ck_assert_int_eq(pg_unmap(pool, addr, NPAGES * PAGE), 0);
        close_pool(pool);
        flaky_delete(f);
}
END_TEST

START_TEST(close_tells_an_error_and_leaves_the_pool_open)
{
        struct pg_pool *pool = open_frames(_i, 16, PG_POOL_STRICT);
        struct flaky *f = flaky_new(NPAGES, PAGE, true);
        char *addr = map_store(pool, &f->store, NPAGES, PG_MAP_SHARED);

        fill_pages(addr, 4, 50);
        atomic_store(&f->fail_save, ENOSPC);
        ck_assert_int_eq(pg_close(pool), -ENOSPC);
        check_pages(addr, 4, 50);
        ck_assert_int_eq(pg_advise(pool, addr, NPAGES * PAGE, PG_ADVICE_DISCARD), 0);
        check_pages(addr, 4, 0);
        close_pool(pool);
        flaky_delete(f);
}
END_TEST

START_TEST(two_mappings_of_a_file_are_views_of_their_ranges)
{
        struct pg_pool *pool = open_frames(_i, 8, PG_POOL_STRICT);
        struct flaky *f = flaky_new(NPAGES, PAGE, true);
        char *all = map_store(pool, &f->store, NPAGES, PG_MAP_READONLY);
        pg_location base;
        char *part;

        ck_assert_int_eq(pg_attach(pool, &f->store, &base), 0);
        part = pg_map_unpaged(pool, base + 20 * PAGE, 12 * PAGE, PG_MAP_READONLY);
        ck_assert_ptr_nonnull(part);
        check_pages(all, NPAGES, 0);
        check_pages(part, 12, 20);
        check_pages(all, NPAGES, 0);
        ck_assert_uint_eq(stats_of(pool).pages_out, 0);
        ck_assert_int_eq(pg_detach(pool, &f->store), -EBUSY);
        close_pool(pool);
        flaky_delete(f);
}
END_TEST

/* ---- read-only: dropped at once where the store is near ------------------------------------- */

#define MANY ((size_t)256)

START_TEST(read_only_pages_of_a_near_store_do_not_wait_in_the_queue)
{
        struct pg_pool *pool = open_frames(_i, 64, 0);
        struct pg_store *store = file_store_only(numbered_file(MANY));
        char *addr = map_store(pool, store, MANY, PG_MAP_READONLY);

        check_pages(addr, MANY, 0);
        check_pages(addr, MANY, 0);
        ck_assert_settles(stats_of(pool).frames_busy == 0);
        ck_assert_uint_eq(stats_of(pool).frames_queued, 0);
        ck_assert_uint_eq(stats_of(pool).rescues, 0);
        ck_assert_uint_ge(stats_of(pool).evictions_clean, 2 * (MANY - 64));
        ck_assert_uint_eq(stats_of(pool).pages_out, 0);
        close_pool(pool);
        ck_assert_int_eq(pg_store_close(store), 0);
}
END_TEST

START_TEST(read_only_pages_of_other_stores_and_cold_ones_wait_in_the_queue)
{
        struct pg_pool *pool = open_frames(_i, 64, 0);
        struct pg_store *store = file_store_only(numbered_file(MANY));
        struct flaky *f = flaky_new(MANY, PAGE, true);
        char *near = map_store(pool, store, MANY, PG_MAP_READONLY);
        char *far = map_store(pool, &f->store, MANY, PG_MAP_READONLY);

        check_pages(far, MANY, 0);
        ck_assert_settles(stats_of(pool).frames_busy == 0);
        ck_assert_uint_ge(stats_of(pool).frames_queued, 1);
        ck_assert_int_eq(pg_page_out(pool, far, MANY * PAGE), 0);
        check_pages(near, 8, 0);
        ck_assert_int_eq(pg_advise(pool, near, 8 * PAGE, PG_ADVICE_COLD), 0);
        ck_assert_uint_eq(stats_of(pool).frames_queued, 8);
        check_pages(near, 8, 0);
        ck_assert_settles(stats_of(pool).rescues >= 8);
        close_pool(pool);
        ck_assert_int_eq(pg_store_close(store), 0);
        flaky_delete(f);
}
END_TEST

/* What was read-only and clean is neither once the program has changed the protection. */
START_TEST(a_read_only_mapping_that_is_made_writable_keeps_its_writes)
{
        struct pg_pool *pool = open_frames(_i, 64, 0);
        struct pg_store *store = file_store_only(numbered_file(MANY));
        char *addr = map_store(pool, store, MANY, PG_MAP_READONLY);

        check_pages(addr, MANY, 0);
        ck_assert_int_eq(mprotect(addr, MANY * PAGE, PROT_READ | PROT_WRITE), 0);
        fill_pages(addr, MANY, 700);
        check_pages(addr, MANY, 700);
        ck_assert_uint_ge(stats_of(pool).evictions_dirty, MANY - 64);
        ck_assert_int_eq(mprotect(addr, MANY * PAGE, PROT_READ), 0);
        check_pages(addr, MANY, 700);
        check_pages(addr, MANY, 700);
        close_pool(pool);
        ck_assert_int_eq(pg_store_close(store), 0);
}
END_TEST

/* The kernel drops the pages of a batch up to the one it refuses. Those are no loss. (By system call:
 * the address sanitizer makes mlock() do nothing.) */
START_TEST(a_locked_page_stays_when_its_neighbours_are_dropped)
{
        struct pg_pool *pool = open_frames(_i, 64, 0);
        struct pg_store *store = file_store_only(numbered_file(MANY));
        char *addr = map_store(pool, store, MANY, PG_MAP_READONLY);

        check_pages(addr, 16, 0);
        ck_assert_int_eq(syscall(SYS_mlock, addr + 5 * PAGE, PAGE), 0);
        for (unsigned round = 0; round < 4; round++) {
                check_pages(addr, MANY, 0);
                ck_assert_uint_eq(count_resident(pool, addr + 5 * PAGE, 1), 1);
        }
        ck_assert_uint_gt(stats_of(pool).busy_pages, 0);
        ck_assert_int_eq(syscall(SYS_munlock, addr + 5 * PAGE, PAGE), 0);
        close_pool(pool);
        ck_assert_int_eq(pg_store_close(store), 0);
}
END_TEST

TESTS("file_mapping")
{
        add_for_both(tc, a_private_write_goes_to_swap_and_leaves_the_file_alone);
        add_for_both(tc, a_shared_write_goes_back_to_the_file);
        add_for_both(tc, sync_writes_each_modified_page_once);
        add_for_both(tc, sync_writes_pinned_and_queued_pages);
        add_for_both(tc, sync_tells_an_error_and_writes_those_pages_again);
        add_for_both(tc, close_tells_an_error_and_leaves_the_pool_open);
        add_for_both(tc, two_mappings_of_a_file_are_views_of_their_ranges);
        add_for_both(tc, read_only_pages_of_a_near_store_do_not_wait_in_the_queue);
        add_for_both(tc, read_only_pages_of_other_stores_and_cold_ones_wait_in_the_queue);
        add_for_both(tc, a_read_only_mapping_that_is_made_writable_keeps_its_writes);
        add_for_both(tc, a_locked_page_stays_when_its_neighbours_are_dropped);
}
