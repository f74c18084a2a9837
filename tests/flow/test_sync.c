/* SPDX-License-Identifier: MIT */
/*
 * test_sync.c - pg_sync where the store does not confirm: what was written before is written again,
 * and what cannot be written again is never called safe.
 */
#include "flaky_store.h"
#include "sigbus.h"
#include "support.h"

#include <pthread.h>

#define PAGES 16u

struct rig {
        struct flaky *f;
        struct pg_pool *pool;
        char *map;
        uint64_t saved;
};

static struct rig rig_open(int delivery, uint32_t frames)
{
        struct rig r = {.f = flaky_new(PAGES, PAGE, true)};

        r.pool = open_frames(delivery, frames, PG_POOL_STRICT);
        r.map = map_store(r.pool, &r.f->store, PAGES, PG_MAP_SHARED);
        return r;
}

static void rig_close(struct rig *r)
{
        close_pool(r->pool);
        flaky_delete(r->f);
}

static void write_pages(struct rig *r, unsigned n, char value)
{
        for (unsigned i = 0; i < n; i++)
                r->map[i * PAGE] = (char)(value + (char)i);
}

/* Pages that were written since the last call. */
static unsigned saves(struct rig *r)
{
        uint64_t before = r->saved;

        r->saved = stats_of(r->pool).pages_out;
        return (unsigned)(r->saved - before);
}

static int sync_pages(struct rig *r)
{
        return pg_sync(r->pool, r->map, PAGES * PAGE);
}

/* Four pages are modified and saved, and their store does not confirm. */
static void fail_to_sync_four(struct rig *r)
{
        write_pages(r, 4, 50);
        atomic_store(&r->f->fail_sync, EIO);
        ck_assert_int_eq(sync_pages(r), -EIO);
}

START_TEST(pages_of_a_failed_sync_are_written_again)
{
        struct rig r = rig_open(_i, 64);

        fail_to_sync_four(&r);
        ck_assert_uint_eq(saves(&r), 4);
        memset(r.f->pages, 0, PAGES * PAGE); /* the medium has lost them, as it said */
        ck_assert_int_eq(sync_pages(&r), -EIO);
        ck_assert_uint_eq(saves(&r), 4);
        atomic_store(&r.f->fail_sync, 0);
        ck_assert_int_eq(sync_pages(&r), 0);
        ck_assert_uint_eq(saves(&r), 4);
        ck_assert_int_eq(sync_pages(&r), 0);
        ck_assert_uint_eq(saves(&r), 0);
        for (unsigned i = 0; i < 4; i++)
                ck_assert_int_eq(r.f->pages[i * PAGE], 50 + (int)i);
        rig_close(&r);
}
END_TEST

START_TEST(saved_page_that_is_written_to_is_still_modified)
{
        struct rig r = rig_open(_i, 64);

        fail_to_sync_four(&r);
        r.map[PAGE] = 99; /* a page that is saved, and waits */
        atomic_store(&r.f->fail_sync, 0);
        saves(&r);
        ck_assert_int_eq(sync_pages(&r), 0);
        ck_assert_uint_eq(saves(&r), 4);
        ck_assert_int_eq(r.f->pages[PAGE], 99);
        rig_close(&r);
}
END_TEST

static char *written_in_sync;

static void *write_it(void *arg)
{
        sigset_t none;

        sigemptyset(&none);
        pthread_sigmask(SIG_SETMASK, &none, NULL); /* made by a thread that is inside the pager */
        written_in_sync[0] = 99;
        return arg;
}

static void write_in_sync(struct flaky *f, _Atomic int *which, uint64_t offset)
{
        pthread_t thread;

        (void)offset;
        if (which != &f->fail_sync)
                return;
        atomic_store(&f->hook, NULL);
        ck_assert_int_eq(pthread_create(&thread, NULL, write_it, NULL), 0);
        pthread_join(thread, NULL);
}

START_TEST(write_during_the_final_sync_is_not_lost)
{
        struct rig r = rig_open(_i, 64);

        write_pages(&r, 4, 50);
        written_in_sync = r.map + 2 * PAGE;
        atomic_store(&r.f->hook, write_in_sync);
        ck_assert_int_eq(sync_pages(&r), 0);
        ck_assert_int_eq(r.f->pages[2 * PAGE], 52);
        saves(&r);
        ck_assert_int_eq(sync_pages(&r), 0);
        ck_assert_uint_eq(saves(&r), 1);
        ck_assert_int_eq(r.f->pages[2 * PAGE], 99);
        rig_close(&r);
}
END_TEST

START_TEST(saved_page_that_is_evicted_before_the_store_confirms_is_written_again)
{
        struct rig r = rig_open(_i, 64);

        fail_to_sync_four(&r);
        saves(&r);
        ck_assert_int_eq(pg_page_out(r.pool, r.map, 4 * PAGE), 0);
        ck_assert_uint_eq(saves(&r), 4);
        rig_close(&r);
}
END_TEST

/* Rescued by a move, a saved page is writable: the first write to it must count. */
START_TEST(saved_page_that_was_queued_and_rescued_is_still_modified)
{
        struct rig r = {.f = flaky_new(PAGES, PAGE, true)};

        r.pool = open_frames(_i, 64, 0);
        r.map = map_store(r.pool, &r.f->store, PAGES, PG_MAP_SHARED);
        fail_to_sync_four(&r);
        ck_assert_int_eq(pg_advise(r.pool, r.map, 4 * PAGE, PG_ADVICE_COLD), 0);
        ck_assert_uint_eq(stats_of(r.pool).frames_queued, 4);
        r.map[PAGE] = 99;
        atomic_store(&r.f->fail_sync, 0);
        ck_assert_int_eq(sync_pages(&r), 0);
        ck_assert_int_eq(r.f->pages[PAGE], 99);
        rig_close(&r);
}
END_TEST

START_TEST(pages_evicted_before_a_failed_sync_are_never_called_safe)
{
        struct rig r = rig_open(_i, 8);

        write_pages(&r, PAGES, 50); /* half of them are evicted */
        atomic_store(&r.f->fail_sync, EIO);
        ck_assert_int_eq(sync_pages(&r), -EIO);
        atomic_store(&r.f->fail_sync, 0);
        ck_assert_int_eq(sync_pages(&r), -EIO);
        write_pages(&r, 2, 60);
        ck_assert_int_eq(sync_pages(&r), -EIO);
        ck_assert_int_eq(r.f->pages[PAGE], 61);
        rig_close(&r);
}
END_TEST

START_TEST(pages_evicted_and_confirmed_do_not_answer_for_a_later_failure)
{
        struct rig r = rig_open(_i, 8);

        write_pages(&r, PAGES, 50);
        ck_assert_int_eq(sync_pages(&r), 0);
        write_pages(&r, 2, 60);
        atomic_store(&r.f->fail_sync, EIO);
        ck_assert_int_eq(sync_pages(&r), -EIO);
        atomic_store(&r.f->fail_sync, 0);
        ck_assert_int_eq(sync_pages(&r), 0);
        ck_assert_int_eq(r.f->pages[PAGE], 61);
        rig_close(&r);
}
END_TEST

/* The rest of a large page that is saved stays protected: a write to it must count. */
START_TEST(saved_large_page_of_which_a_piece_is_dropped_is_still_modified)
{
        struct flaky *f = flaky_new(4, 16 * PAGE, true);
        struct pg_config config = config_frames(_i, 16, 0);
        struct pg_pool *pool;
        pg_location base;
        char *map;

        config.page_size = 16 * PAGE;
        pool = open_config(&config);
        ck_assert_int_eq(pg_attach(pool, &f->store, &base), 0);
        map = pg_map_unpaged(pool, base, 64 * PAGE, PG_MAP_SHARED);
        ck_assert_ptr_nonnull(map);
        map[0] = 50;
        atomic_store(&f->fail_sync, EIO);
        ck_assert_int_eq(pg_sync(pool, map, 64 * PAGE), -EIO);
        ck_assert_int_eq(madvise(map + PAGE, PAGE, MADV_DONTNEED), 0);
        touch(map + PAGE);
        map[0] = 99;
        ck_assert_uint_eq(stats_of(pool).protect_faults, 1);
        close_pool(pool);
        ck_assert_int_eq(f->pages[0], 99);
        flaky_delete(f);
}
END_TEST

/* ---- pages that cannot be read as they are mapped ------------------------------------------- */

START_TEST(pinned_page_that_is_inaccessible_is_written_and_unmapped)
{
        struct rig r = rig_open(_i, 64);
        int fd = memory_file(PAGES * PAGE);
        struct pg_file_config config = {.size = sizeof(config), .fd = fd};
        struct pg_store *file;
        char *map, byte = 0;

        ck_assert_int_eq(pg_store_file(&file, &config), 0);
        map = map_store(r.pool, file, PAGES, PG_MAP_SHARED);
        map[PAGE] = 77;
        ck_assert_int_eq(pg_pin(r.pool, map + PAGE, PAGE), 0);
        map[PAGE + 1] = 78;
        ck_assert_int_eq(mprotect(map, PAGES * PAGE, PROT_NONE), 0);
        ck_assert_int_eq(pg_sync(r.pool, map, PAGES * PAGE), 0);
        ck_assert_int_eq(pread(fd, &byte, 1, PAGE + 1), 1);
        ck_assert_int_eq(byte, 78);
        ck_assert_int_eq(pg_unmap(r.pool, map, PAGES * PAGE), 0);
        rig_close(&r);
        ck_assert_int_eq(pg_store_close(file), 0);
        close(fd);
}
END_TEST

/* ---- read-only mappings that mprotect makes writable ---------------------------------------- */

START_TEST(shared_read_only_mapping_that_became_writable_is_written_back)
{
        struct rig r = rig_open(_i, 8);
        char *map;

        ck_assert_int_eq(pg_unmap(r.pool, r.map, PAGES * PAGE), 0);
        map = map_store(r.pool, &r.f->store, PAGES, PG_MAP_SHARED | PG_MAP_READONLY);
        touch(map);
        ck_assert_int_eq(mprotect(map, PAGES * PAGE, PROT_READ | PROT_WRITE), 0);
        for (unsigned i = 0; i < PAGES; i++)
                map[i * PAGE + 1] = (char)(i + 70);
        for (unsigned i = 0; i < PAGES; i++)
                ck_assert_int_eq(map[i * PAGE + 1], (char)(i + 70));
        ck_assert_int_eq(pg_sync(r.pool, map, PAGES * PAGE), 0);
        for (unsigned i = 0; i < PAGES; i++)
                ck_assert_int_eq(r.f->pages[i * PAGE + 1], (char)(i + 70));
        map[1] = 7;
        rig_close(&r);
}
END_TEST

START_TEST(private_read_only_mapping_that_became_writable_keeps_its_writes)
{
        struct rig r = rig_open(_i, 8);
        char *map = map_store(r.pool, &r.f->store, PAGES, PG_MAP_READONLY);

        touch(map);
        ck_assert_int_eq(mprotect(map, PAGES * PAGE, PROT_READ | PROT_WRITE), 0);
        for (unsigned i = 0; i < PAGES; i++)
                map[i * PAGE + 1] = (char)(i + 70);
        for (unsigned i = 0; i < PAGES; i++)
                ck_assert_int_eq(map[i * PAGE + 1], (char)(i + 70));
        ck_assert_int_eq(r.f->pages[1], 0);
        rig_close(&r);
}
END_TEST

START_TEST(write_that_a_read_only_store_could_not_take_gets_sigsegv)
{
        int fd = memory_file(PAGES * PAGE);
        struct pg_file_config config = {
                .size = sizeof(config), .fd = fd, .flags = PG_FILE_READONLY};
        struct pg_pool *pool = open_frames(_i, 8, 0);
        struct pg_store *file;
        char *map;

        hit_install();
        ck_assert_int_eq(pg_store_file(&file, &config), 0);
        map = map_store(pool, file, PAGES, PG_MAP_SHARED | PG_MAP_READONLY);
        touch(map);
        ck_assert_int_eq(mprotect(map, PAGES * PAGE, PROT_READ | PROT_WRITE), 0);
        ck_assert_int_eq(hit_touch(map, true).sig, SIGSEGV);            /* in */
        ck_assert_int_eq(hit_touch(map + 4 * PAGE, true).sig, SIGSEGV); /* out */
        expect_value(map, 0);
        expect_value(map + 4 * PAGE, 0);
        ck_assert_int_eq(pg_sync(pool, map, PAGES * PAGE), 0);
        close_pool(pool);
        ck_assert_int_eq(pg_store_close(file), 0);
        close(fd);
}
END_TEST

TESTS("sync")
{
        add_for_both(tc, pages_of_a_failed_sync_are_written_again);
        add_for_both(tc, saved_page_that_is_written_to_is_still_modified);
        add_for_both(tc, write_during_the_final_sync_is_not_lost);
        add_for_both(tc, saved_page_that_is_evicted_before_the_store_confirms_is_written_again);
        add_for_both(tc, saved_page_that_was_queued_and_rescued_is_still_modified);
        add_for_both(tc, pages_evicted_before_a_failed_sync_are_never_called_safe);
        add_for_both(tc, pages_evicted_and_confirmed_do_not_answer_for_a_later_failure);
        add_for_both(tc, saved_large_page_of_which_a_piece_is_dropped_is_still_modified);
        add_for_both(tc, pinned_page_that_is_inaccessible_is_written_and_unmapped);
        add_for_both(tc, shared_read_only_mapping_that_became_writable_is_written_back);
        add_for_both(tc, private_read_only_mapping_that_became_writable_keeps_its_writes);
        add_for_both(tc, write_that_a_read_only_store_could_not_take_gets_sigsegv);
}
