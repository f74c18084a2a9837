/* SPDX-License-Identifier: MIT */
/*
 * test_peers.c - what other pagers in user space are known to get wrong.
 *
 * Pinned I/O that is lost, system calls that fail, a program's own madvise() that hangs the next
 * toucher, an unmap that takes more than it was told, offsets that are ignored, budgets too small
 * to live with, a kernel mapping for every page.
 */
#include "flaky_store.h"
#include "sigbus.h"
#include "probe.h"
#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <pthread.h>
#include <sys/uio.h>

#define PAGES 64u

static void fill_others(char *map, unsigned first, unsigned end)
{
        for (unsigned i = first; i < end; i++)
                memset(map + i * PAGE, (char)(i + 1), PAGE);
}

/* A file of PAGES pages, page i filled with the byte i + 100; -1: not with these flags. */
static int file_new(int flags)
{
        char path[] = "peers-XXXXXX", page[PAGE];
        int fd = mkstemp(path), again;

        ck_assert_int_ge(fd, 0);
        for (unsigned i = 0; i < PAGES; i++) {
                memset(page, (char)(i + 100), PAGE);
                ck_assert_int_eq(write(fd, page, PAGE), (ssize_t)PAGE);
        }
        fsync(fd);
        again = open(path, O_RDWR | flags);
        unlink(path);
        close(fd);
        return again;
}

static int ring_read_fixed(struct io_uring *ring, int fd, char *buf, unsigned file_page)
{
        struct io_uring_sqe *sqe = io_uring_get_sqe(ring);
        struct io_uring_cqe *cqe;
        int result;

        io_uring_prep_read_fixed(sqe, fd, buf, PAGE, file_page * PAGE, 0);
        ck_assert_int_eq(io_uring_submit(ring), 1);
        ck_assert_int_eq(io_uring_wait_cqe(ring, &cqe), 0);
        result = cqe->res;
        io_uring_cqe_seen(ring, cqe);
        return result;
}

START_TEST(fixed_buffer_of_io_uring_loses_nothing)
{
        struct pg_pool *pool;
        struct iovec buffer;
        struct io_uring ring;
        char *map;
        int fd = file_new(0), error = io_uring_queue_init(4, &ring, 0);

        if (is_masked("move") || error) {
                fprintf(stderr, "skipped: %s\n",
                        error ? "no io_uring here"
                              : "without move such writes bypass the pager, as documented");
                return;
        }
        pool = open_frames(_i & 1, 16, _i & 2 ? 0 : PG_POOL_STRICT);
        map = map_pages(pool, PAGES, 0);
        buffer = (struct iovec){map, PAGE};
        memset(map, 1, PAGE);
        ck_assert_int_eq(io_uring_register_buffers(&ring, &buffer, 1), 0);
        for (unsigned i = 0; i < 20; i++) {
                ck_assert_int_eq(ring_read_fixed(&ring, fd, map, i), (int)PAGE);
                ck_assert_int_eq(map[17], (char)(i + 100));
                ck_assert_int_eq(pg_page_out(pool, map, PAGE), -EBUSY);
                fill_others(map, 1, PAGES);
                ck_assert_int_eq(map[PAGE - 1], (char)(i + 100));
        }
        ck_assert_uint_gt(stats_of(pool).busy_pages, 0);
        ck_assert_uint_eq(stats_of(pool).errors_frames, 0);
        ck_assert_int_eq(io_uring_unregister_buffers(&ring), 0);
        ck_assert_int_eq(pg_page_out(pool, map, PAGE), 0);
        ck_assert_int_eq(map[0], 119);
        io_uring_queue_exit(&ring);
        close_pool(pool);
}
END_TEST

/* A registered buffer of a shared mapping is still written back by sync. */
START_TEST(fixed_buffer_in_a_shared_mapping_is_synced_in_place)
{
        struct flaky *f;
        struct pg_pool *pool;
        struct io_uring ring;
        struct iovec buffer;
        int fd = file_new(0);
        char *map;

        if (is_masked("move") || io_uring_queue_init(4, &ring, 0) != 0)
                return;
        f = flaky_new(PAGES, PAGE, true);
        pool = open_frames(_i, 16, 0);
        map = map_store(pool, &f->store, PAGES, PG_MAP_SHARED);
        map[0] = 1;
        buffer = (struct iovec){map, PAGE};
        ck_assert_int_eq(io_uring_register_buffers(&ring, &buffer, 1), 0);
        for (unsigned i = 0; i < 3; i++) {
                ck_assert_int_eq(ring_read_fixed(&ring, fd, map, i), (int)PAGE);
                ck_assert_int_eq(pg_sync(pool, map, PAGE), 0);
                ck_assert_int_eq(f->pages[5], (char)(i + 100));
        }
        io_uring_unregister_buffers(&ring);
        io_uring_queue_exit(&ring);
        close_pool(pool);
        flaky_delete(f);
}
END_TEST

static void read_file(int delivery, int flags)
{
        int fd = file_new(flags);
        struct pg_pool *pool = open_frames(delivery, 16, 0);
        char *map = map_pages(pool, PAGES, 0);

        if (fd < 0) {
                fprintf(stderr, "skipped: no O_DIRECT on this filesystem\n");
                return;
        }
        for (unsigned i = 0; i < PAGES; i += 4) {
                if (delivery == PG_DELIVERY_SIGNAL) {
                        /* The kernel cannot ask for pages that are out: as documented. */
                        ssize_t n = pread(fd, map + i * PAGE, 4 * PAGE, i * PAGE);

                        ck_assert(n < 0 && errno == EFAULT);
                        ck_assert_int_eq(pg_pin(pool, map + i * PAGE, 4 * PAGE), 0);
                }
                ck_assert_int_eq(pread(fd, map + i * PAGE, 4 * PAGE, i * PAGE), 4 * (ssize_t)PAGE);
                ck_assert_int_eq(pg_unpin(pool, map + i * PAGE, 4 * PAGE), 0);
        }
        for (unsigned i = 0; i < PAGES; i++)
                for (unsigned at = 0; at < PAGE; at += 512)
                        if (map[i * PAGE + at] != (char)(i + 100))
                                ck_abort_msg("page %u, byte %u", i, at);
        /* As many pages at once as the budget can hold pinned. */
        for (unsigned i = 0; delivery == PG_DELIVERY_THREAD && i < PAGES; i += 8)
                ck_assert_int_eq(pwrite(fd, map + i * PAGE, 8 * PAGE, i * PAGE), 8 * (ssize_t)PAGE);
        close(fd);
        close_pool(pool);
}

START_TEST(read_into_paged_memory_is_right)
{
        read_file(_i, 0);
}
END_TEST

START_TEST(direct_read_into_paged_memory_is_right)
{
        read_file(_i, O_DIRECT);
}
END_TEST

START_TEST(pages_in_a_pipe_keep_their_bytes)
{
        struct pg_pool *pool = open_frames(_i, 8, PG_POOL_STRICT);
        char *map = map_pages(pool, PAGES, 0), got[PAGE];
        struct iovec page = {map, PAGE};
        int ends[2];

        ck_assert_int_eq(pipe(ends), 0);
        memset(map, 'p', PAGE);
        ck_assert_int_eq(vmsplice(ends[1], &page, 1, 0), (ssize_t)PAGE);
        fill_others(map, 1, PAGES);
        ck_assert_int_eq(read(ends[0], got, PAGE), (ssize_t)PAGE);
        for (unsigned i = 0; i < PAGE; i++)
                ck_assert_msg(got[i] == 'p', "byte %u from the pipe is %d", i, got[i]);
        ck_assert_int_eq(map[9], 'p');
        close_pool(pool);
}
END_TEST

START_TEST(page_the_program_dropped_itself_reads_as_zeros)
{
        struct pg_pool *pool = open_frames(_i & 1, 16, PG_POOL_STRICT);
        char *map = map_pages(pool, PAGES, 0);

        for (unsigned round = 0; round < 4; round++) {
                memset(map, 3, 8 * PAGE);
                ck_assert_int_eq(madvise(map + PAGE, 4 * PAGE, MADV_DONTNEED), 0);
                if (_i & 2) /* somebody wants the frames before the program comes back */
                        fill_others(map, 16, PAGES);
                for (unsigned i = 0; i < 8; i++)
                        ck_assert_int_eq(map[i * PAGE + 5], i >= 1 && i < 5 ? 0 : 3);
        }
        expect_idle(pool);
        ck_assert_int_eq(madvise(map, PAGES * PAGE, MADV_DONTNEED), 0);
        ck_assert_int_eq(pg_unmap(pool, map, PAGES * PAGE), 0);
        ck_assert_uint_eq(stats_of(pool).frames_free, 16);
        close_pool(pool);
}
END_TEST

START_TEST(dropped_pinned_page_loses_its_pin_and_no_frame)
{
        struct pg_pool *pool = open_frames(_i, 16, PG_POOL_STRICT);
        char *map = map_pages(pool, PAGES, 0);

        ck_assert_int_eq(pg_pin(pool, map, 2 * PAGE), 0);
        ck_assert_int_eq(madvise(map, PAGE, MADV_DONTNEED), 0);
        ck_assert_int_eq(map[0], 0);
        fill_others(map, 2, PAGES);
        ck_assert_int_eq(pg_unpin(pool, map, 2 * PAGE), 0);
        ck_assert_uint_eq(stats_of(pool).frames_pinned, 0);
        close_pool(pool);
}
END_TEST

START_TEST(offset_of_a_location_is_respected)
{
        struct flaky *f = flaky_new(PAGES, PAGE, true);
        struct pg_pool *pool = open_frames(_i, 16, 0);
        pg_location base;
        char *map;

        ck_assert_int_eq(pg_attach(pool, &f->store, &base), 0);
        map = pg_map_unpaged(pool, base + 40 * PAGE, 20 * PAGE, PG_MAP_SHARED);
        for (unsigned i = 0; i < 20; i++) {
                ck_assert_int_eq(map[i * PAGE], (char)(i + 40));
                map[i * PAGE + 1] = 99;
        }
        ck_assert_int_eq(pg_unmap(pool, map, 20 * PAGE), 0);
        for (unsigned i = 0; i < PAGES; i++)
                ck_assert_int_eq(f->pages[i * PAGE + 1], i >= 40 && i < 60 ? 99 : 0);
        close_pool(pool);
        flaky_delete(f);
}
END_TEST

static unsigned count_maps(void)
{
        FILE *maps = fopen("/proc/self/maps", "r");
        unsigned lines = 0;

        for (int c = getc(maps); c != EOF; c = getc(maps))
                lines += c == '\n';
        fclose(maps);
        return lines;
}

START_TEST(pages_cost_no_kernel_mappings)
{
        struct pg_pool *pool = open_frames(_i, 64, 0);
        static char *maps[2000];
        unsigned before = count_maps(), mapped, touched;

        for (unsigned i = 0; i < 2000; i++)
                maps[i] = map_pages(pool, 16, 0);
        mapped = count_maps();
        for (unsigned i = 0; i < 2000; i++)
                for (unsigned page = 0; page < 16; page += 5)
                        maps[i][page * PAGE] = (char)i;
        touched = count_maps();
        fprintf(stderr, "%u mappings of the kernel, %u with 2000 of ours, %u touched\n", before,
                mapped, touched);
        if (!*SANITIZER) { /* whose shadow is mapped as well */
                ck_assert_uint_le(mapped, before + 2000 * 6 + 100);
                ck_assert_uint_le(touched, mapped + 64);
        }
        for (unsigned i = 0; i < 2000; i++) {
                ck_assert_int_eq(maps[i][15 * PAGE], (char)i);
                ck_assert_int_eq(pg_unmap(pool, maps[i], 16 * PAGE), 0);
        }
        if (!*SANITIZER)
                ck_assert_uint_le(count_maps(), before + 64);
        close_pool(pool);
}
END_TEST

struct half {
        char *map;
        unsigned first;
        uint64_t wrong;
};

static void *work_on_half(void *arg)
{
        struct half *h = arg;

        for (unsigned turn = 0; turn < 6; turn++)
                for (unsigned i = 0; i < PAGES; i++) {
                        char *at = h->map + i * PAGE + h->first;

                        h->wrong += *at != (char)turn;
                        *at = (char)(turn + 1);
                }
        return NULL;
}

START_TEST(smallest_budgets_work)
{
        for (size_t pages = 5; pages < 40; pages += pages < 12 ? 1 : 9) {
                struct pg_config config = config_frames(_i & 1, 0, _i & 2 ? 0 : PG_POOL_STRICT);
                struct half halves[2] = {{.first = 0}, {.first = 2048}};
                struct pg_pool *pool;
                pthread_t threads[2];

                config.budget = pages * PAGE;
                pool = open_config(&config);
                ck_assert_uint_ge(stats_of(pool).frames_total, PG_FRAMES_MIN);
                halves[0].map = halves[1].map = map_pages(pool, PAGES, 0);
                for (unsigned i = 0; i < 2; i++)
                        pthread_create(&threads[i], NULL, work_on_half, &halves[i]);
                for (unsigned i = 0; i < 2; i++) {
                        pthread_join(threads[i], NULL);
                        ck_assert_uint_eq(halves[i].wrong, 0);
                }
                ck_assert_uint_eq(stats_of(pool).errors_frames, 0);
                close_pool(pool);
        }
}
END_TEST

TESTS("peers")
{
        tcase_add_loop_test(tc, fixed_buffer_of_io_uring_loses_nothing, 0, 4);
        add_for_both(tc, fixed_buffer_in_a_shared_mapping_is_synced_in_place);
        add_for_both(tc, read_into_paged_memory_is_right);
        add_for_both(tc, direct_read_into_paged_memory_is_right);
        add_for_both(tc, pages_in_a_pipe_keep_their_bytes);
        tcase_add_loop_test(tc, page_the_program_dropped_itself_reads_as_zeros, 0, 4);
        add_for_both(tc, dropped_pinned_page_loses_its_pin_and_no_frame);
        add_for_both(tc, offset_of_a_location_is_respected);
        add_for_both(tc, pages_cost_no_kernel_mappings);
        tcase_add_loop_test(tc, smallest_budgets_work, 0, 4);
}
