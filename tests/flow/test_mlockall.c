/* SPDX-License-Identifier: MIT */
/*
 * test_mlockall.c - a program that locks all its memory has a pool: address space that the pool has
 * reserved is not filled, and its pages go out as before.
 *
 * Each case runs in a child. A thread of it watches, so that a failure does not fill the machine.
 */
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <unpaged/statistics.h>

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif

#define FRAMES    256u
#define NPAGES    ((size_t)1024)
#define SOME_MORE ((size_t)24 << 20) /* compressed pages, tables, stacks of handlers */
#define FAR_MORE  ((size_t)512 << 20)

#define EXIT_FILLED 9
#define EXIT_DENIED 77

static size_t base; /* resident before there was a pool */

static size_t resident(void)
{
        char text[128] = "";
        int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
        size_t pages = 0;

        if (read(fd, text, sizeof(text) - 1) > 0)
                sscanf(text, "%*u %zu", &pages);
        close(fd);
        return pages * PAGE;
}

static void *watch(void *arg)
{
        (void)arg;
        for (;;) {
                if (resident() > base + FAR_MORE) {
                        fprintf(stderr, "child: reserved memory is being filled\n");
                        _exit(EXIT_FILLED);
                }
                usleep(5000);
        }
        return NULL;
}

static void watch_start(void)
{
        pthread_attr_t attr;
        pthread_t thread;

        base = resident();
        pthread_attr_init(&attr);
        pthread_attr_setstacksize(&attr, 256 << 10);
        CHILD_CHECK(pthread_create(&thread, &attr, watch, NULL) == 0);
}

static void lock_all(int flags)
{
        if (mlockall(flags) == 0)
                return;
        fprintf(stderr, "skipped: mlockall: %s\n", strerror(errno));
        _exit(EXIT_DENIED);
}

static char *map_new(struct pg_pool *pool)
{
        char *addr = pg_map(pool, NPAGES * PAGE, 0);

        CHILD_CHECK(addr);
        return addr;
}

/* All pages pass through the frames, twice, and nothing else stays in memory. */
static void use(struct pg_pool *pool, char *addr, uint64_t seed)
{
        struct pg_stats before = {.size = sizeof(before)}, after = before;

        CHILD_CHECK(pg_stats_get(pool, &before) == 0);
        for (size_t i = 0; i < NPAGES; i++)
                *(volatile uint64_t *)(void *)(addr + i * PAGE) = seed + i;
        for (size_t i = 0; i < NPAGES; i++)
                CHILD_CHECK(*(volatile uint64_t *)(void *)(addr + i * PAGE) == seed + i);
        CHILD_CHECK(pg_stats_get(pool, &after) == 0);
        CHILD_CHECK(after.pages_out - before.pages_out >= NPAGES - FRAMES);
        CHILD_CHECK(after.pages_in - before.pages_in >= NPAGES - FRAMES);
        CHILD_CHECK(after.frames_peak <= FRAMES);
        if (resident() > base + FRAMES * PAGE + SOME_MORE) {
                fprintf(stderr, "child: %zu MiB more than before are resident\n",
                        (resident() - base) >> 20);
                _exit(1);
        }
}

static struct pg_pool *child_opens(int delivery)
{
        struct pg_config config = config_frames(delivery, FRAMES, 0);
        struct pg_pool *pool = NULL;

        CHILD_CHECK(pg_open(&pool, &config) == 0);
        return pool;
}

/* False: it may not lock memory. */
static bool child_succeeded(pid_t child)
{
        int status;

        ck_assert_int_gt(child, 0);
        ck_assert_int_eq(waitpid(child, &status, 0), child);
        ck_assert_msg(WIFEXITED(status), "the child was killed (%#x)", (unsigned)status);
        if (WEXITSTATUS(status) == EXIT_DENIED)
                return false;
        ck_assert_int_eq(WEXITSTATUS(status), 0);
        return true;
}

START_TEST(a_pool_opened_after_mlockall_takes_no_more_than_its_budget)
{
        pid_t child = fork();

        if (child == 0) {
                struct pg_pool *pool;
                char *addr;

                watch_start();
                lock_all(MCL_CURRENT | MCL_FUTURE);
                base = resident();
                pool = child_opens(_i);
                addr = map_new(pool);
                use(pool, addr, 1);
                CHILD_CHECK(pg_advise(pool, addr, NPAGES * PAGE, PG_ADVICE_DISCARD) == 0);
                CHILD_CHECK(*(volatile uint64_t *)(void *)addr == 0);
                CHILD_CHECK(pg_close(pool) == 0);
                _exit(0);
        }
        child_succeeded(child);
}
END_TEST

static bool kernel_has_guards(void)
{
        char *page = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        bool has = madvise(page, PAGE, MADV_GUARD_INSTALL) == 0;

        munmap(page, PAGE);
        if (!has)
                printf("skipped: the kernel has no guard pages (Linux 6.13)\n");
        return has;
}

/* How the loop variable is to be read: delivery, and what is locked. */
static int locked_flags(int i)
{
        return i & 2 ? MCL_CURRENT | MCL_FUTURE : MCL_CURRENT;
}

START_TEST(a_pool_opened_before_mlockall_takes_no_more_than_its_budget)
{
        pid_t child = kernel_has_guards() ? fork() : -1;

        if (child == 0) {
                struct pg_pool *pool;
                char *addr, *later, *readonly;
                uint64_t sum = 0;

                watch_start();
                pool = child_opens(_i & 1);
                addr = map_new(pool);
                use(pool, addr, 1);
                readonly = pg_map(pool, NPAGES * PAGE, PG_MAP_READONLY);
                CHILD_CHECK(readonly);
                lock_all(locked_flags(_i));
                for (int round = 2; round < 5; round++)
                        use(pool, addr, (uint64_t)round << 32);
                for (size_t i = 0; i < NPAGES; i++)
                        sum += *(volatile uint64_t *)(void *)(readonly + i * PAGE);
                CHILD_CHECK(sum == 0);
                later = map_new(pool);
                use(pool, later, 7);
                use(pool, addr, 8);
                CHILD_CHECK(pg_advise(pool, addr, NPAGES * PAGE, PG_ADVICE_DISCARD) == 0);
                for (size_t i = 0; i < NPAGES; i++)
                        CHILD_CHECK(*(volatile uint64_t *)(void *)(addr + i * PAGE) == 0);
                /* Again, with what is in memory now. */
                lock_all(locked_flags(_i));
                CHILD_CHECK(pg_advise(pool, later, NPAGES * PAGE, PG_ADVICE_DISCARD) == 0);
                for (size_t i = 0; i < NPAGES; i++)
                        CHILD_CHECK(*(volatile uint64_t *)(void *)(later + i * PAGE) == 0);
                use(pool, addr, 9);
                CHILD_CHECK(pg_close(pool) == 0);
                _exit(0);
        }
        if (child > 0)
                child_succeeded(child);
}
END_TEST

TESTS("mlockall")
{
        add_for_both(tc, a_pool_opened_after_mlockall_takes_no_more_than_its_budget);
        tcase_add_loop_test(tc, a_pool_opened_before_mlockall_takes_no_more_than_its_budget, 0, 4);
}
