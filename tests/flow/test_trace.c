/* SPDX-License-Identifier: MIT */
/* A pool's trace: its events are those that the statistics count, and they can be believed page by
 * page; what happens to the file does not happen to the program. */
#include "child.h"
#include "probe.h"
#include "trace_file.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unpaged/statistics.h>

#define PAGES  256u
#define FRAMES 64u

static char path[] = "/tmp/unpaged-trace-XXXXXX";
static char *said; /* the last message of a pool */

static void begin(void)
{
        int fd;

        memset(path + sizeof(path) - 7, 'X', 6);
        fd = mkstemp(path);
        ck_assert_int_ge(fd, 0);
        close(fd);
        said = NULL;
}

static void end(void)
{
        unlink(path);
        free(said);
}

static void listen_to(void *arg, const char *text)
{
        (void)arg;
        free(said);
        said = strdup(text);
}

static struct pg_pool *open_traced(int delivery, unsigned flags)
{
        struct pg_config config = config_frames(delivery, FRAMES, flags);

        config.trace = path;
        config.message = listen_to;
        return open_config(&config);
}

/* Reads and writes all over the place, the same each time. */
static void work(char *addr, unsigned accesses, unsigned seed)
{
        for (unsigned i = 0; i < accesses; i++) {
                char *p;

                seed = seed * 1664525 + 1013904223;
                p = addr + (seed >> 16) % PAGES * PAGE;
                if (seed >> 28 < 5)
                        atomic_fetch_add((_Atomic unsigned *)(void *)p, 1);
                else
                        atomic_load((_Atomic unsigned *)(void *)p);
        }
}

/* ---- what a trace says -------------------------------------------------------------------- */

struct census {
        uint64_t count[PG_TRACE_KINDS], dirty[PG_TRACE_KINDS];
        uint64_t forgotten, moved, lost; /* pages; events */
        uint64_t frames;                 /* the last budget */
        const char *note;
};

struct life {
        bool in, queued, dirty;
};

/* What may happen to a page in this state, and what it is in then. Frames it takes, or gives. */
static int live(struct life *l, const struct pg_trace_event *e)
{
        bool was = l->in;

        switch (e->kind) {
        case PG_TRACE_FAULT:
        case PG_TRACE_AHEAD:
                ck_assert_msg(!l->in, "page %lx came in twice", e->page);
                *l = (struct life){.in = true, .dirty = e->dirty};
                break;
        case PG_TRACE_RESCUED:
        case PG_TRACE_RETURNED:
                ck_assert_msg(l->in, "page %lx was not there", e->page);
                ck_assert(l->queued || e->kind == PG_TRACE_RETURNED);
                l->queued = false;
                l->dirty = e->dirty;
                break;
        case PG_TRACE_WRITTEN:
                ck_assert_msg(l->in && !l->queued && !l->dirty, "page %lx written", e->page);
                l->dirty = true;
                break;
        case PG_TRACE_QUEUED:
                ck_assert_msg(l->in && !l->queued, "page %lx queued", e->page);
                ck_assert_int_eq(l->dirty, e->dirty);
                l->queued = true;
                break;
        case PG_TRACE_LEFT:
                ck_assert_msg(l->in, "page %lx left", e->page);
                ck_assert_int_eq(l->dirty, e->dirty);
                l->in = false;
                break;
        case PG_TRACE_FORGOTTEN:
                *l = (struct life){0};
                break;
        default:
                break;
        }
        return l->in - was;
}

/* Reads the trace at `file` and follows the pages of a mapping. */
static struct census follow(const char *file, const char *addr)
{
        static struct life lives[PAGES];
        static char why[TRACE_WHY];
        uint64_t base = (uintptr_t)addr / PAGE;
        struct census c = {.frames = FRAMES};
        struct trace_reader *r;
        struct pg_trace_event e;
        int more, in = 0;

        memset(lives, 0, sizeof(lives));
        ck_assert_msg(trace_file_open(file, &r, why) == 0, "%s", why);
        while ((more = trace_file_next(r, &e)) > 0) {
                c.count[e.kind]++;
                c.dirty[e.kind] += e.dirty;
                c.lost += e.kind == PG_TRACE_GAP ? e.count : 0;
                c.moved += e.kind == PG_TRACE_MOVED ? e.count : 0;
                c.forgotten += e.kind == PG_TRACE_FORGOTTEN ? e.count : 0;
                if (e.kind == PG_TRACE_FRAMES)
                        c.frames = e.count;
                for (uint64_t i = 0; pg_trace_has_page(e.kind) && i < e.count && c.lost == 0; i++)
                        if (e.page + i - base < PAGES)
                                in += live(&lives[e.page + i - base], &e);
                ck_assert_int_le(in, (int)c.frames);
        }
        ck_assert_msg(more == 0, "%s", trace_file_note(r));
        if (trace_file_note(r))
                c.note = strcpy(why, trace_file_note(r));
        trace_file_close(r);
        return c;
}

/* Reading the statistics stops nobody, so they are asked when all is quiet, as the trace is. */
static void expect_same(const struct census *c, const struct pg_stats *s)
{
        ck_assert_ptr_null(c->note);
        ck_assert_uint_eq(c->lost, 0);
        ck_assert_uint_eq(c->count[PG_TRACE_FAULT] + c->count[PG_TRACE_RESCUED], s->faults);
        ck_assert_uint_eq(c->count[PG_TRACE_RESCUED], s->rescues);
        ck_assert_uint_eq(c->count[PG_TRACE_WRITTEN], s->protect_faults);
        ck_assert_uint_eq(c->count[PG_TRACE_AHEAD], s->ahead_pages);
        ck_assert_uint_eq(c->dirty[PG_TRACE_LEFT], s->evictions_dirty);
        ck_assert_uint_eq(c->count[PG_TRACE_LEFT] - c->dirty[PG_TRACE_LEFT], s->evictions_clean);
}

static struct census settled(struct pg_pool *pool, const char *addr, struct pg_stats *s)
{
        expect_idle(pool);
        *s = stats_of(pool);
        ck_assert_int_eq(pg_trace_sync(pool), 0);
        return follow(path, addr);
}

START_TEST(a_strict_pool_s_events_are_what_its_statistics_count)
{
        struct pg_pool *pool = open_traced(_i, PG_POOL_STRICT);
        char *addr = map_pages(pool, PAGES, 0);
        struct pg_stats s;
        struct census c;

        work(addr, 2000, 1);
        c = settled(pool, addr, &s);
        expect_same(&c, &s);
        ck_assert_uint_gt(c.count[PG_TRACE_WRITTEN], 0);
        ck_assert_uint_gt(c.dirty[PG_TRACE_LEFT], 0);
        ck_assert_uint_eq(c.count[PG_TRACE_QUEUED] + c.count[PG_TRACE_AHEAD], 0);
        close_pool(pool);
}
END_TEST

START_TEST(an_ordinary_pool_s_too)
{
        struct pg_pool *pool = open_traced(_i, 0);
        char *addr = map_pages(pool, PAGES, 0);
        struct pg_stats s;
        struct census c;

        work(addr, 2000, 1);
        c = settled(pool, addr, &s);
        expect_same(&c, &s);
        ck_assert_uint_gt(c.count[PG_TRACE_QUEUED], 0);
        ck_assert_uint_gt(c.count[PG_TRACE_RESCUED], 0);
        close_pool(pool);
}
END_TEST

START_TEST(pages_that_are_read_ahead_are_told)
{
        struct pg_config config = config_frames(_i, 1024, 0); /* enough for buffers of runs */
        struct pg_pool *pool;
        char *addr;
        struct pg_stats s;
        struct census c;

        config.trace = path;
        pool = open_config(&config);
        addr = map_pages(pool, 2048, 0);
        for (unsigned round = 0; round < 3; round++)
                for (size_t i = 0; i < 2048; i++)
                        touch(addr + i * PAGE);
        expect_idle(pool);
        s = stats_of(pool);
        ck_assert_int_eq(pg_trace_sync(pool), 0);
        c = follow(path, NULL);
        expect_same(&c, &s);
        ck_assert_uint_gt(c.count[PG_TRACE_AHEAD], 0);
        close_pool(pool);
}
END_TEST

static void *worker(void *addr)
{
        work(addr, 1500, (unsigned)(uintptr_t)pthread_self());
        return NULL;
}

START_TEST(events_of_several_threads_are_in_order_page_by_page)
{
        struct pg_pool *pool = open_traced(_i, 0);
        char *addr = map_pages(pool, PAGES, 0);
        pthread_t threads[4];
        struct pg_stats s;
        struct census c;

        for (unsigned i = 0; i < 4; i++)
                ck_assert_int_eq(pthread_create(&threads[i], NULL, worker, addr), 0);
        for (unsigned i = 0; i < 4; i++)
                pthread_join(threads[i], NULL);
        c = settled(pool, addr, &s);
        if (c.lost == 0)
                expect_same(&c, &s);
        close_pool(pool);
}
END_TEST

START_TEST(what_calls_do_to_pages_is_told)
{
        struct pg_pool *pool = open_traced(_i, PG_POOL_STRICT);
        char *addr = map_pages(pool, PAGES, 0), *other = map_pages(pool, 8, 0);
        struct pg_stats s;
        struct census c;

        for (size_t i = 0; i < 16; i++)
                addr[i * PAGE] = 1;
        ck_assert_int_eq(pg_page_out(pool, addr, 4 * PAGE), 0);
        c = settled(pool, addr, &s);
        expect_same(&c, &s);
        ck_assert_uint_eq(c.dirty[PG_TRACE_LEFT], 4);
        ck_assert_uint_eq(c.forgotten, 0);
        ck_assert_int_eq(pg_advise(pool, addr, 8 * PAGE, PG_ADVICE_DISCARD), 0);
        c = settled(pool, addr, &s);
        ck_assert_uint_eq(c.forgotten, 8); /* four were out, four in */
        ck_assert_int_eq(pg_move(pool, other, addr + 8 * PAGE, 8 * PAGE), 0);
        c = settled(pool, other, &s);
        ck_assert_uint_eq(c.moved, 8);
        ck_assert_int_eq(pg_resize(pool, 32 * PAGE), 0);
        c = settled(pool, other, &s);
        ck_assert_uint_eq(c.count[PG_TRACE_FRAMES], 1);
        ck_assert_uint_eq(c.frames, 32);
        ck_assert_int_eq(pg_unmap(pool, other, 8 * PAGE), 0);
        c = settled(pool, addr, &s);
        ck_assert_uint_eq(c.forgotten, 8 + 8 + 8); /* one by one, and the whole mapping */
        close_pool(pool);
}
END_TEST

/* ---- the file ----------------------------------------------------------------------------- */

START_TEST(a_trace_is_whole_after_each_sync_and_after_the_end)
{
        struct pg_pool *pool = open_traced(_i, 0);
        char *addr = map_pages(pool, PAGES, 0);
        uint64_t before = 0;
        struct pg_stats s;

        for (unsigned round = 0; round < 20; round++) {
                struct census c;

                work(addr, round % 3 * 50, round);
                c = settled(pool, addr, &s);
                expect_same(&c, &s);
                ck_assert_uint_ge(c.count[PG_TRACE_FAULT], before);
                before = c.count[PG_TRACE_FAULT];
        }
        work(addr, 100, 99);
        expect_idle(pool);
        s = stats_of(pool);
        close_pool(pool);
        {
                struct census c = follow(path, addr);

                expect_same(&c, &s);
                ck_assert_uint_ge(c.forgotten, PAGES);
        }
        ck_assert_ptr_null(said);
}
END_TEST

START_TEST(a_file_that_may_not_grow_ends_the_trace_and_nothing_else)
{
        struct rlimit limit, lower;
        struct pg_pool *pool = open_traced(_i, 0);
        char *addr = map_pages(pool, PAGES, 0);
        unsigned sum = 0;
        int error = 0;

        getrlimit(RLIMIT_FSIZE, &limit);
        lower = limit;
        lower.rlim_cur = 10000;
        setrlimit(RLIMIT_FSIZE, &lower); /* no assertions meanwhile: they write to a file, too */
        for (unsigned i = 0; i < 8; i++) {
                work(addr, 1000, i);
                if (i == 6)
                        error = pg_trace_sync(pool);
        }
        setrlimit(RLIMIT_FSIZE, &limit);
        ck_assert_int_eq(error, -EFBIG);
        for (size_t i = 0; i < PAGES; i++)
                sum += *(unsigned *)(void *)(addr + i * PAGE);
        ck_assert_uint_gt(sum, 8 * 200);
        ck_assert_uint_eq(stats_of(pool).errors_load + stats_of(pool).errors_save, 0);
        close_pool(pool);
        ck_assert_ptr_nonnull(said);
        ck_assert_ptr_nonnull(strstr(said, path));
        ck_assert_ptr_nonnull(strstr(said, strerror(EFBIG)));
        {
                struct census c = follow(path, addr);

                ck_assert_uint_gt(c.count[PG_TRACE_FAULT], 1000);
                ck_assert_ptr_nonnull(strstr(c.note, strerror(EFBIG)));
        }
}
END_TEST

/* A disk of 64 KiB, where we may have one, which vanishes with this process: what is in the trace
 * makes sense to its end. */
START_TEST(a_disk_that_is_full_ends_the_trace_and_nothing_else)
{
        char folder[] = "/tmp/unpaged-disk-XXXXXX", file[64];
        struct pg_config config = config_frames(_i, FRAMES, 0);
        struct pg_pool *pool;
        char *addr;

        ck_assert_ptr_nonnull(mkdtemp(folder));
        if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
            mount("none", folder, "tmpfs", 0, "size=64k") != 0) {
                fprintf(stderr, "not tried: no tmpfs may be mounted here: %s\n", strerror(errno));
                rmdir(folder);
                return;
        }
        snprintf(file, sizeof(file), "%s/trace", folder);
        config.trace = file;
        config.message = listen_to;
        pool = open_config(&config);
        addr = map_pages(pool, PAGES, 0);
        for (unsigned i = 0; i < 25; i++)
                work(addr, 1000, i);
        ck_assert_int_eq(pg_trace_sync(pool), -ENOSPC);
        close_pool(pool);
        ck_assert_ptr_nonnull(said);
        ck_assert_ptr_nonnull(strstr(said, strerror(ENOSPC)));
        ck_assert_ptr_nonnull(strstr(follow(file, addr).note, strerror(ENOSPC)));
        umount(folder);
        rmdir(folder);
}
END_TEST

START_TEST(a_file_that_cannot_be_a_trace_is_refused_with_the_reason)
{
        struct pg_config config = config_frames(_i, FRAMES, 0);
        struct pg_pool *pool = NULL;
        char lengthy[400];

        config.message = listen_to;
        config.trace = "/nowhere/trace";
        ck_assert_int_eq(pg_open(&pool, &config), -ENOENT);
        ck_assert_ptr_nonnull(strstr(said, "/nowhere/trace"));
        snprintf(lengthy, sizeof(lengthy), "/nowhere/%0300d", 0);
        config.trace = lengthy;
        ck_assert_int_eq(pg_open(&pool, &config), -ENOENT);
        ck_assert_ptr_nonnull(strstr(said, strerror(ENOENT)));
        unlink(path);
        ck_assert_int_eq(mkfifo(path, 0600), 0);
        close(open(path, O_RDWR)); /* a reader, so that it can be opened to write */
        config.trace = path;
        {
                int reader = open(path, O_RDONLY | O_NONBLOCK);

                ck_assert_int_eq(pg_open(&pool, &config), -ESPIPE);
                close(reader);
        }
        ck_assert_ptr_nonnull(strstr(said, "not a pipe"));
        ck_assert_ptr_null(pool);
        config.trace = NULL;
        pool = open_config(&config);
        ck_assert_int_eq(pg_trace_sync(pool), -ENOENT);
        close_pool(pool);
}
END_TEST

/* ---- fork --------------------------------------------------------------------------------- */

START_TEST(a_child_has_a_trace_of_its_own)
{
        struct pg_pool *pool = open_traced(_i, PG_POOL_INHERIT);
        char *addr = map_pages(pool, PAGES, 0), file[64];
        struct pg_stats s;
        struct census c;
        pid_t child;

        work(addr, 1000, 1);
        child = fork();
        if (child == 0) {
                work(addr, 3000, 2);
                CHILD_CHECK(pg_trace_sync(pool) == 0);
                CHILD_CHECK(pg_close(pool) == 0);
                _exit(0);
        }
        work(addr, 1000, 3);
        expect_child(child, 0);
        c = settled(pool, addr, &s);
        expect_same(&c, &s);
        close_pool(pool);
        snprintf(file, sizeof(file), "%s.%d", path, (int)child);
        c = follow(file, NULL); /* of pages that were in at the fork it says so only when they go */
        ck_assert_ptr_null(c.note);
        ck_assert_uint_gt(c.count[PG_TRACE_FAULT], 1000);
        unlink(file);
}
END_TEST

START_TEST(a_child_without_the_pool_leaves_the_trace_alone)
{
        struct pg_pool *pool = open_traced(_i, 0);
        char *addr = map_pages(pool, PAGES, 0);
        struct pg_stats s;
        struct census c;
        pid_t child;

        work(addr, 1000, 1);
        child = fork();
        if (child == 0) {
                CHILD_CHECK(pg_trace_sync(pool) == -ECHILD);
                _exit(0);
        }
        expect_child(child, 0);
        work(addr, 1000, 3);
        c = settled(pool, addr, &s);
        expect_same(&c, &s);
        close_pool(pool);
}
END_TEST

TESTS("trace")
{
        /* Sanitizers do not know the threads that a child starts. */
        int first = *SANITIZER ? PG_DELIVERY_SIGNAL : PG_DELIVERY_THREAD;

        tcase_add_checked_fixture(tc, begin, end);
        add_for_both(tc, a_strict_pool_s_events_are_what_its_statistics_count);
        add_for_both(tc, an_ordinary_pool_s_too);
        add_for_both(tc, pages_that_are_read_ahead_are_told);
        add_for_both(tc, events_of_several_threads_are_in_order_page_by_page);
        add_for_both(tc, what_calls_do_to_pages_is_told);
        add_for_both(tc, a_trace_is_whole_after_each_sync_and_after_the_end);
        add_for_both(tc, a_file_that_may_not_grow_ends_the_trace_and_nothing_else);
        add_for_both(tc, a_disk_that_is_full_ends_the_trace_and_nothing_else);
        add_for_both(tc, a_file_that_cannot_be_a_trace_is_refused_with_the_reason);
        tcase_add_loop_test(tc, a_child_has_a_trace_of_its_own, first, PG_DELIVERY_SIGNAL + 1);
        add_for_both(tc, a_child_without_the_pool_leaves_the_trace_alone);
}
