/* SPDX-License-Identifier: MIT */
/*
 * The budget is honest: whatever a program does, the physical memory of a pool's mappings, slots
 * and buffers stays within it.
 *
 * Four times the budget is written and read, in order and at random, by two threads, in anonymous
 * and in file mappings. Swap is a file in memory, so it does not count as anonymous memory. Two
 * measures:
 *
 *  - at rest: resident pages of the pool's areas, exactly: at most the budget;
 *  - meanwhile: a third thread looks at the anonymous memory of the process as often as it can. It
 *    may grow by the budget, the tables (16 bytes a page, 64 a frame) and SLACK: stacks, the
 *    kernel's imprecise counters, and pages that a copy holds twice for a moment, at most as many
 *    as the pool has buffers; and by the page of zeros that new pages are copied from, which takes
 *    memory where the kernel has no zero page of its own (guests of some hypervisors).
 */
#include "probe.h"
#include "ranges.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unpaged/statistics.h>

#define SLACK ((size_t)512 << 10)

struct load {
        char *addr;
        size_t size;
        unsigned seed;
        size_t jumps;
        uint64_t wrong;
};

/* Each of the two has every other 4 KiB piece, so that they share the pages of large-page pools. */
static void *work(void *arg)
{
        struct load *l = arg;
        size_t pieces = l->size / 8192;
        size_t at = 0;

        for (size_t i = 0; i < pieces; i++)
                *(uint64_t *)(void *)(l->addr + i * 8192) = i + l->seed;
        for (size_t i = 0; i < pieces; i++)
                l->wrong += *(uint64_t *)(void *)(l->addr + i * 8192) != i + l->seed;
        /* A large page is moved whole for each of these. */
        for (size_t i = 0; i < l->jumps; i++) {
                at = (at * 5 + 12345 + l->seed) % pieces;
                l->wrong += *(uint64_t *)(void *)(l->addr + at * 8192) != at + l->seed;
                if (i % 3 == 0)
                        *(uint64_t *)(void *)(l->addr + at * 8192) = at + l->seed;
        }
        return NULL;
}

static size_t anonymous_bytes(int status)
{
        char text[4096] = "";
        const char *line;

        ck_assert_int_gt(pread(status, text, sizeof(text) - 1, 0), 0);
        line = strstr(text, "RssAnon:");
        ck_assert_ptr_nonnull(line);
        return strtoul(line + 8, NULL, 10) << 10;
}

static int status_open(void)
{
        int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);

        ck_assert_int_ge(fd, 0);
        return fd;
}

struct watch {
        _Atomic bool stop;
        size_t most;
};

static void *watch(void *arg)
{
        struct watch *w = arg;
        int status = status_open();

        while (!atomic_load(&w->stop)) {
                size_t now = anonymous_bytes(status);

                w->most = now > w->most ? now : w->most;
                usleep(200);
        }
        close(status);
        return NULL;
}

enum kind { ANONYMOUS, PRIVATE_FILE, SHARED_FILE };

static void thrash(int delivery, size_t page_size, enum kind kind)
{
        size_t budget = page_size * 8 > 2 << 20 ? page_size * 8 : 2 << 20;
        size_t size = 4 * budget;
        struct pg_store *swap = file_store_only(memory_file(size));
        struct pg_store *file = file_store_only(memory_file(size));
        struct pg_config config = config_frames(delivery, 0, 0);
        int status = status_open();
        struct watch eye = {.stop = false};
        pthread_t threads[2], watcher;
        struct pg_pool *pool;
        struct pg_stats stats;
        struct load loads[2];
        pg_location base;
        size_t before, held;
        char *addr;

        config.budget = budget;
        config.page_size = page_size;
        config.swap = swap;
        ranges_forget();
        pool = open_config(&config);
        ck_assert_int_eq(pg_attach(pool, file, &base), 0);
        addr = kind == ANONYMOUS
                       ? pg_map(pool, size, 0)
                       : pg_map_unpaged(pool, base, size, kind == SHARED_FILE ? PG_MAP_SHARED : 0);
        ck_assert_ptr_nonnull(addr);
        pthread_create(&watcher, NULL, watch, &eye);
        before = anonymous_bytes(status);
        for (unsigned i = 0; i < 2; i++) {
                loads[i] = (struct load){.addr = addr + i * 4096,
                                         .size = size,
                                         .seed = 1 + i,
                                         .jumps = 2000 / (page_size >> 12) + 20};
                pthread_create(&threads[i], NULL, work, &loads[i]);
        }
        for (unsigned i = 0; i < 2; i++) {
                pthread_join(threads[i], NULL);
                ck_assert_uint_eq(loads[i].wrong, 0);
        }
        atomic_store(&eye.stop, true);
        pthread_join(watcher, NULL);
        ck_assert_settles(stats_of(pool).frames_busy == 0);
        stats = stats_of(pool);
        ck_assert_uint_eq(stats.frames_total * page_size + stats.buffer_bytes, budget);
        ck_assert_uint_ge(stats.evictions_dirty * page_size, size - budget);
        /* A late message can still move a page while it is counted, and count it twice. */
        for (unsigned tries = 0; tries < 100; tries++) {
                held = resident_of("unpaged-mapping") + resident_of("unpaged-slots") +
                       resident_of("unpaged-buffers");
                if (held <= budget)
                        break;
                usleep(10000);
        }
        ck_assert_msg(held <= budget, "%zu KiB pages: %zu KiB are held at rest, of %zu",
                      page_size >> 10, held >> 10, budget >> 10);
        ck_assert_uint_ge(held, budget / 2); /* the measure measures */
        if (!*SANITIZER)                     /* whose shadow is anonymous memory too */
                ck_assert_msg(eye.most <= before + budget + size / page_size * 16 +
                                                  stats.frames_total * 64ul + SLACK +
                                                  stats.buffer_bytes + page_size,
                              "%zu KiB pages: anonymous memory grew by %zu KiB, the budget is %zu",
                              page_size >> 10, (eye.most - before) >> 10, budget >> 10);
        close(status);
        close_pool(pool);
        ck_assert_int_eq(pg_store_close(swap), 0);
        ck_assert_int_eq(pg_store_close(file), 0);
}

static void thrash_all(int delivery, enum kind kind)
{
        thrash(delivery, 4 << 10, kind);
        thrash(delivery, 64 << 10, kind);
        /* Of the largest pages one kind will do: 64 MiB are moved. */
        if (kind == ANONYMOUS)
                thrash(delivery, 2 << 20, kind);
}

START_TEST(anonymous_memory_stays_within_the_budget)
{
        thrash_all(_i, ANONYMOUS);
}
END_TEST

START_TEST(private_file_mappings_stay_within_the_budget)
{
        thrash_all(_i, PRIVATE_FILE);
}
END_TEST

START_TEST(shared_file_mappings_stay_within_the_budget)
{
        thrash_all(_i, SHARED_FILE);
}
END_TEST

TESTS("budget")
{
        add_for_both(tc, anonymous_memory_stays_within_the_budget);
        add_for_both(tc, private_file_mappings_stay_within_the_budget);
        add_for_both(tc, shared_file_mappings_stay_within_the_budget);
}
