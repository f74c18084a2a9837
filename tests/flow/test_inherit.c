/* SPDX-License-Identifier: MIT */
/* test_inherit.c - INHERIT: a child of fork goes on with its own copy. */
#include "child.h"
#include "flaky_store.h"
#include "probe.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unpaged/statistics.h>

#define PAGES  ((size_t)256)
#define FRAMES 32u

static struct pg_pool *open_inherited(int delivery, uint32_t frames)
{
        return open_frames(delivery, frames, INHERIT);
}

static bool pages_are(const char *map, size_t npages, uint64_t seed)
{
        for (size_t i = 0; i < npages; i++)
                if (*(const uint64_t *)(const void *)(map + i * PAGE) != seed + i)
                        return false;
        return true;
}

START_TEST(both_go_on_with_what_was_there)
{
        struct pg_pool *pool = open_inherited(_i, FRAMES);
        char *map = map_pages(pool, PAGES, 0);
        pid_t child;

        fill_pages(map, PAGES, 1000);
        ck_assert_uint_gt(stats_of(pool).evictions_dirty, PAGES / 2);
        child = fork();
        if (child == 0) {
                CHILD_CHECK(stats_of(pool).evictions_dirty == 0);
                CHILD_CHECK(pages_are(map, PAGES, 1000));
                fill_pages(map, PAGES, 5000);
                CHILD_CHECK(pages_are(map, PAGES, 5000));
                CHILD_CHECK(stats_of(pool).faults >= PAGES);
                CHILD_CHECK(stats_of(pool).frames_peak <= FRAMES);
                CHILD_CHECK(pg_close(pool) == 0);
                _exit(0);
        }
        check_pages(map, PAGES, 1000);
        fill_pages(map, PAGES, 9000);
        check_pages(map, PAGES, 9000);
        expect_child(child, 0);
        check_pages(map, PAGES, 9000);
        close_pool(pool);
}
END_TEST

/* A daemon: the parent is gone before the child touches anything. */
START_TEST(child_goes_on_after_its_parent)
{
        int report[2];
        char answer = 'x';
        pid_t child;

        ck_assert_int_eq(pipe(report), 0);
        child = fork();
        if (child == 0) {
                struct pg_pool *pool = open_inherited(_i, FRAMES);
                char *map = map_pages(pool, PAGES, 0);
                pid_t parent = getpid();

                fill_pages(map, PAGES, 1000);
                if (fork() != 0)
                        _exit(0);
                while (getppid() == parent)
                        usleep(1000);
                answer = pages_are(map, PAGES, 1000) ? 'y' : 'n';
                fill_pages(map, PAGES, 3000);
                if (!pages_are(map, PAGES, 3000))
                        answer = 'n';
                if (write(report[1], &answer, 1) != 1)
                        _exit(2);
                _exit(0);
        }
        expect_child(child, 0);
        close(report[1]);
        ck_assert_int_eq(read(report[0], &answer, 1), 1);
        ck_assert_int_eq(answer, 'y');
        close(report[0]);
}
END_TEST

/* Clean pages of the child are protected again: a write to one is noticed, and not lost. */
START_TEST(writes_to_clean_pages_are_noticed_in_the_child)
{
        struct pg_pool *pool = open_inherited(_i, FRAMES);
        char *map = map_pages(pool, PAGES, 0);
        pid_t child;

        fill_pages(map, PAGES, 1000);
        ck_assert_int_eq(pg_page_out(pool, map, PAGES * PAGE), 0);
        check_pages(map, 8, 1000); /* clean now */
        child = fork();
        if (child == 0) {
                fill_pages(map, 8, 7000);
                CHILD_CHECK(stats_of(pool).protect_faults == 8);
                touch_pages(map + 8 * PAGE, PAGES - 8); /* evict them */
                CHILD_CHECK(pages_are(map, 8, 7000));
                CHILD_CHECK(pages_are(map + 8 * PAGE, PAGES - 8, 1008));
                _exit(0);
        }
        expect_child(child, 0);
        fill_pages(map, 8, 8000);
        touch_pages(map + 8 * PAGE, PAGES - 8);
        check_pages(map, 8, 8000);
        close_pool(pool);
}
END_TEST

/* Pages that parent and child share can be evicted by both, and count as what they are. */
START_TEST(shared_pages_can_be_evicted)
{
        struct pg_pool *pool = open_inherited(_i, FRAMES);
        char *map = map_pages(pool, PAGES, 0);
        int hold[2];
        char byte;
        pid_t child;

        ck_assert_int_eq(pipe(hold), 0);
        fill_pages(map, PAGES, 1000);
        child = fork();
        if (child == 0) {
                close(hold[1]);
                if (read(hold[0], &byte, 1) != 0)
                        _exit(3);
                CHILD_CHECK(pg_page_out(pool, map, PAGES * PAGE) == 0);
                CHILD_CHECK(pages_are(map, PAGES, 1000));
                _exit(0);
        }
        close(hold[0]);
        ck_assert_int_eq(pg_page_out(pool, map, PAGES * PAGE), 0);
        ck_assert_uint_eq(count_resident(pool, map, PAGES), 0);
        check_pages(map, PAGES, 1000);
        close(hold[1]);
        expect_child(child, 0);
        fill_pages(map, PAGES, 2000);
        ck_assert_int_eq(pg_page_out(pool, map, PAGES * PAGE), 0);
        check_pages(map, PAGES, 2000);
        close_pool(pool);
}
END_TEST

START_TEST(generations)
{
        struct pg_pool *pool = open_inherited(_i, FRAMES);
        char *map = map_pages(pool, PAGES, 0);
        pid_t child;
        int status;

        fill_pages(map, PAGES, 0);
        for (uint64_t depth = 1; depth < 12; depth++) {
                child = fork();
                ck_assert_int_ge(child, 0);
                if (child > 0) {
                        if (waitpid(child, &status, 0) != child || status != 0)
                                _exit(1);
                        if (!pages_are(map, PAGES, depth - 1))
                                _exit(2);
                        if (depth == 1)
                                break;
                        _exit(0);
                }
                CHILD_CHECK(pages_are(map, PAGES, depth - 1));
                fill_pages(map, PAGES, depth);
                if (depth == 11)
                        _exit(pages_are(map, PAGES, 11) ? 0 : 3);
        }
        check_pages(map, PAGES, 0);
        close_pool(pool);
}
END_TEST

struct writer {
        char *map;
        _Atomic bool stop;
        _Atomic uint64_t rounds;
};

/* Every page holds the same number twice; a fork must see no page in between... which it may, so
 * the second is at most one behind. */
static void *write_on(void *arg)
{
        struct writer *w = arg;

        for (uint64_t n = 1; !w->stop; n++) {
                for (size_t i = 0; i < PAGES && !w->stop; i++) {
                        _Atomic uint64_t *words = (void *)(w->map + i * PAGE);

                        /* Read first: it comes in clean, and is written to then. */
                        if (atomic_load(&words[300]) >= n)
                                continue;
                        atomic_store(&words[0], n);
                        atomic_store(&words[300], n);
                }
                w->rounds++;
        }
        return NULL;
}

static bool is_a_moment(const char *map)
{
        for (size_t i = 0; i < PAGES; i++) {
                const uint64_t *words = (const void *)(map + i * PAGE);

                if (words[0] != words[300] && words[0] != words[300] + 1)
                        return false;
        }
        return true;
}

/* The case of a database that saves itself: children look at the data of the moment of the fork
 * while the parent's threads go on faulting and writing. */
START_TEST(fork_while_threads_fault)
{
        struct pg_pool *pool = open_inherited(_i, FRAMES);
        struct writer w[3];
        pthread_t threads[3];

        for (unsigned i = 0; i < 3; i++) {
                w[i] = (struct writer){.map = map_pages(pool, PAGES, 0)};
                ck_assert_int_eq(pthread_create(&threads[i], NULL, write_on, &w[i]), 0);
        }
        for (unsigned round = 0; round < 2; round++) {
                pid_t child = fork();

                if (child == 0) {
                        for (unsigned i = 0; i < 3; i++)
                                CHILD_CHECK(is_a_moment(w[i].map));
                        for (unsigned i = 0; i < 3; i++) {
                                fill_pages(w[i].map, PAGES, round);
                                CHILD_CHECK(pages_are(w[i].map, PAGES, round));
                        }
                        _exit(0);
                }
                expect_child(child, 0);
        }
        for (unsigned i = 0; i < 3; i++) {
                w[i].stop = true;
                pthread_join(threads[i], NULL);
                ck_assert(is_a_moment(w[i].map));
        }
        ck_assert_uint_gt(w[0].rounds, 0);
        close_pool(pool);
}
END_TEST

/* Streams whose structures are paged: fork locks and resets them. */
START_TEST(handlers_of_fork_may_touch_paged_memory)
{
        struct pg_pool *pool = open_inherited(_i, FRAMES);
        char *map = map_pages(pool, PAGES, 0);
        char *buffer = map;
        FILE *stream = fopen("/dev/null", "w");
        pid_t child;

        ck_assert_ptr_nonnull(stream);
        setvbuf(stream, buffer, _IOFBF, 8 * PAGE);
        fill_pages(map + 8 * PAGE, PAGES - 8, 1000);
        for (unsigned i = 0; i < 20; i++) {
                fprintf(stream, "round %u\n", i);
                child = fork();
                if (child == 0) {
                        CHILD_CHECK(fprintf(stream, "child %u\n", i) > 0);
                        CHILD_CHECK(pages_are(map + 8 * PAGE, PAGES - 8, 1000));
                        _exit(0);
                }
                expect_child(child, 0);
                touch_pages(map + 8 * PAGE, PAGES - 8);
        }
        fclose(stream);
        close_pool(pool);
}
END_TEST

/* What is not made by fork(3) must not see zeros where there were data. */
START_TEST(other_children_get_sigsegv)
{
        struct pg_pool *pool = open_inherited(_i, FRAMES);
        char *map = map_pages(pool, PAGES, 0);
        pid_t child;
        int status;

        fill_pages(map, PAGES, 1000);
        expect_child(fork() ?: (_exit(0), 0), 0); /* and still so after an ordinary one */
        child = (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
        if (child == 0) {
                signal(SIGSEGV, SIG_DFL);
                _exit(touch(map) == 0 ? 1 : 2);
        }
        ck_assert_int_eq(waitpid(child, &status, 0), child);
        ck_assert(WIFSIGNALED(status));
        ck_assert_int_eq(WTERMSIG(status), SIGSEGV);
        close_pool(pool);
}
END_TEST

START_TEST(pins_follow)
{
        struct pg_pool *pool = open_inherited(_i, FRAMES);
        char *map = map_pages(pool, PAGES, 0);
        pid_t child;

        fill_pages(map, PAGES, 1000);
        ck_assert_int_eq(pg_pin(pool, map, 8 * PAGE), 0);
        child = fork();
        if (child == 0) {
                CHILD_CHECK(stats_of(pool).frames_pinned == 8);
                touch_pages(map + 8 * PAGE, PAGES - 8);
                CHILD_CHECK(count_resident(pool, map, 8) == 8);
                CHILD_CHECK(pg_unpin(pool, map, 8 * PAGE) == 0);
                CHILD_CHECK(pg_close(pool) == 0);
                _exit(0);
        }
        expect_child(child, 0);
        ck_assert_uint_eq(stats_of(pool).frames_pinned, 8);
        close_pool(pool);
}
END_TEST

/* A private mapping of a store and a shared one: the first follows, the second stays. */
START_TEST(shared_mappings_stay_with_the_parent)
{
        struct flaky *f = flaky_new(PAGES, PAGE, true);
        struct pg_pool *pool = open_inherited(_i, FRAMES);
        char *shared = map_store(pool, &f->store, 64, PG_MAP_SHARED);
        char *private = map_store(pool, &f->store, 64, 0);
        pid_t child;

        fill_pages(shared, 8, 500);
        fill_pages(private, 64, 600);
        probe_install();
        child = fork();
        if (child == 0) {
                CHILD_CHECK(access_signal(shared, false) == SIGSEGV);
                CHILD_CHECK(pages_are(private, 64, 600));
                CHILD_CHECK(pg_unmap(pool, shared, 64 * PAGE) == -EINVAL);
                CHILD_CHECK(pg_close(pool) == 0);
                _exit(0);
        }
        expect_child(child, 0);
        check_pages(shared, 8, 500);
        close_pool(pool);
        flaky_delete(f);
}
END_TEST

static struct pg_store *swap_file(void)
{
        struct pg_file_config config = {.size = sizeof(config), .length = 4096 * PAGE};
        struct pg_store *store = NULL;

        config.fd = open("/var/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
        ck_assert_int_ge(config.fd, 0);
        ck_assert_int_eq(pg_store_file(&store, &config), 0);
        close(config.fd);
        return store;
}

/* Neither writes into the other's places: whether the file was in use before the fork, or not yet.
 *  */
START_TEST(a_swap_file_is_not_shared)
{
        for (unsigned used = 0; used < 2; used++) {
                struct pg_config config = config_frames(_i, FRAMES, INHERIT);
                struct pg_pool *pool;
                char *map;
                pid_t child, grandchild;
                int status;

                config.swap = swap_file();
                pool = open_config(&config);
                map = map_pages(pool, PAGES, 0);
                if (used)
                        fill_pages(map, PAGES, 1000);
                child = fork();
                if (child == 0) {
                        if (!used)
                                fill_pages(map, PAGES, 1000);
                        CHILD_CHECK(pages_are(map, PAGES, 1000));
                        fill_pages(map, PAGES, 5000);
                        grandchild = fork();
                        CHILD_CHECK(pages_are(map, PAGES, 5000));
                        fill_pages(map, PAGES, grandchild ? 6000 : 7000);
                        usleep(20000);
                        CHILD_CHECK(pages_are(map, PAGES, grandchild ? 6000 : 7000));
                        CHILD_CHECK(stats_of(pool).pages_out > PAGES / 2);
                        if (!grandchild)
                                _exit(0);
                        CHILD_CHECK(waitpid(grandchild, &status, 0) == grandchild && status == 0);
                        _exit(0);
                }
                fill_pages(map, PAGES, 9000);
                usleep(20000);
                check_pages(map, PAGES, 9000);
                expect_child(child, 0);
                fill_pages(map, PAGES, 9500);
                check_pages(map, PAGES, 9500);
                close_pool(pool);
                ck_assert_int_eq(pg_store_close(config.swap), 0);
        }
}
END_TEST

START_TEST(swap_store_must_be_able_to_follow)
{
        struct flaky *f = flaky_new(PAGES, PAGE, true);
        struct pg_config config = config_frames(PG_DELIVERY_THREAD, FRAMES, INHERIT);
        struct pg_pool *pool = NULL;

        config.swap = &f->store;
        config.message = NULL;
        ck_assert_int_eq(pg_open(&pool, &config), -EINVAL);
        flaky_delete(f);
}
END_TEST

/* The fork takes the user's last place: the child has its memory, and not the pager's threads. With
 * one place more it has the keeper, and so the pool; only nobody can change its budget from
 * outside. */
START_TEST(child_that_may_have_no_thread_is_without_the_pool_and_goes_on)
{
        bool keeps = _i == 1;
        rlim_t places = keeps ? 5 : 4; /* this thread and the pool's two; the child's */
        struct rlimit limit = {places, places};
        struct pg_pool *pool;
        pid_t child;
        char *map;

        if (geteuid() != 0 || *SANITIZER) {
                fprintf(stderr, "skipped: not root, or with threads of a sanitizer\n");
                return;
        }
        ck_assert_int_eq(setuid(54321), 0);
        pool = open_frames(PG_DELIVERY_SIGNAL, 64, INHERIT);
        map = map_pages(pool, PAGES, 0);
        fill_pages(map, PAGES, 1);
        ck_assert_int_eq(setrlimit(RLIMIT_NPROC, &limit), 0);
        child = fork();
        if (child == 0) {
                struct pg_stats stats = {.size = sizeof(stats)};

                CHILD_CHECK(pg_stats_get(pool, &stats) == (keeps ? 0 : -ECHILD));
                if (keeps)
                        check_pages(map, PAGES, 1);
                _exit(0);
        }
        expect_child(child, 0);
        check_pages(map, PAGES, 1);
        close_pool(pool);
}
END_TEST

TESTS("inherit")
{
        int first = *SANITIZER ? PG_DELIVERY_SIGNAL : PG_DELIVERY_THREAD;

        if (first == PG_DELIVERY_SIGNAL)
                fprintf(stderr,
                        "skipped: handler threads in a child, which sanitizers do not stand\n");

        tcase_add_loop_test(tc, both_go_on_with_what_was_there, first, 2);
        tcase_add_loop_test(tc, child_goes_on_after_its_parent, first, 2);
        tcase_add_loop_test(tc, writes_to_clean_pages_are_noticed_in_the_child, first, 2);
        tcase_add_loop_test(tc, shared_pages_can_be_evicted, first, 2);
        tcase_add_loop_test(tc, generations, first, 2);
        tcase_add_loop_test(tc, fork_while_threads_fault, first, 2);
        tcase_add_loop_test(tc, handlers_of_fork_may_touch_paged_memory, first, 2);
        tcase_add_loop_test(tc, other_children_get_sigsegv, first, 2);
        tcase_add_loop_test(tc, pins_follow, first, 2);
        tcase_add_loop_test(tc, shared_mappings_stay_with_the_parent, first, 2);
        tcase_add_loop_test(tc, a_swap_file_is_not_shared, first, 2);
        tcase_add_test(tc, swap_store_must_be_able_to_follow);
        tcase_add_loop_test(tc, child_that_may_have_no_thread_is_without_the_pool_and_goes_on, 0,
                            2);
}
