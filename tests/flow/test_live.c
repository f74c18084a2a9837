/* SPDX-License-Identifier: MIT */
/* What other processes see of a pool, while its process runs and after. */
#include "child.h"
#include "probe.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <unpaged/live.h>

#define FRAMES ((size_t)16)
#define NPAGES ((size_t)64)

/* ---- folders -------------------------------------------------------------------------------- */

static char runtime[64], folder[80];

/* A runtime directory of the test's own, so that no others' files are there. */
static void make_runtime(void)
{
        strcpy(runtime, "/dev/shm/unpaged-test-XXXXXX");
        ck_assert_ptr_nonnull(mkdtemp(runtime));
        snprintf(folder, sizeof(folder), "%s/unpaged", runtime);
        setenv("XDG_RUNTIME_DIR", runtime, 1);
}

static void remove_runtime(void)
{
        char command[128];

        snprintf(command, sizeof(command), "rm -rf '%s'", runtime);
        ck_assert_int_eq(system(command), 0);
}

static size_t count_files(const char *of)
{
        DIR *dir = opendir(of);
        size_t n = 0;

        for (const struct dirent *e; dir && (e = readdir(dir));)
                n += e->d_name[0] != '.';
        if (dir)
                closedir(dir);
        return n;
}

/* The path of the file of a process; false: there is none. */
static bool find_file(const char *of, pid_t pid, char path[512])
{
        DIR *dir = opendir(of);
        char prefix[16];
        bool found = false;

        snprintf(prefix, sizeof(prefix), "%d.", (int)pid);
        for (const struct dirent *e; dir && !found && (e = readdir(dir));) {
                found = strncmp(e->d_name, prefix, strlen(prefix)) == 0;
                if (found)
                        snprintf(path, 512, "%s/%s", of, e->d_name);
        }
        if (dir)
                closedir(dir);
        return found;
}

static const struct pg_live *map_file(const char *path)
{
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        struct stat st;
        void *memory;

        ck_assert_int_ge(fd, 0);
        ck_assert_int_eq(fstat(fd, &st), 0);
        ck_assert_uint_eq(st.st_mode & 07777, 0600);
        memory = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
        ck_assert_ptr_ne(memory, MAP_FAILED);
        close(fd);
        ck_assert_uint_eq(((const struct pg_live *)memory)->bytes, (uint64_t)st.st_size);
        return memory;
}

static const struct pg_live *live_of(pid_t pid)
{
        char path[512];

        ck_assert(find_file(folder, pid, path));
        return map_file(path);
}

/* As the header tells a reader to do it. */
static uint64_t live_counter(const struct pg_live *live, enum pg_counter counter)
{
        uint64_t sum = 0;

        for (uint32_t i = 0; i < live->blocks; i++)
                sum += ((const volatile uint64_t *)(const void *)((const char *)live +
                                                                  live->block_offset +
                                                                  i * live->block_bytes))[counter];
        return sum;
}

static uint64_t live_gauge(const struct pg_live *live, enum pg_gauge gauge)
{
        return ((const volatile uint64_t *)(const void *)((const char *)live +
                                                          live->gauge_offset))[gauge];
}

/* ---- while it runs -------------------------------------------------------------------------- */

START_TEST(another_mapping_of_the_file_has_the_counters)
{
        struct pg_pool *pool = open_frames(_i, FRAMES, 0);
        const struct pg_live *live = live_of(getpid());
        char *map = map_pages(pool, NPAGES, 0);
        struct pg_stats s;
        uint64_t loads = 0;

        ck_assert_str_eq(live->magic, PG_LIVE_MAGIC);
        ck_assert_uint_eq(live->version, PG_LIVE_VERSION);
        ck_assert_int_eq(live->pid, getpid());
        ck_assert_uint_eq(live->state, PG_LIVE_RUNNING);
        ck_assert_uint_eq(live->delivery, (uint32_t)_i);
        ck_assert_uint_eq(live->page_size, PAGE);
        ck_assert_str_eq(live->program, program_invocation_short_name);
        ck_assert_str_ne(live->policy, "");
        ck_assert_str_ne(live->swap, "");
        fill_pages(map, NPAGES, 3);
        check_pages(map, NPAGES, 3);
        /* A handler counts a fault after the page is there. */
        ck_assert_settles(stats_of(pool).faults == live_counter(live, PG_COUNTER_FAULTS));
        s = stats_of(pool);
        ck_assert_uint_ge(s.faults, 2 * NPAGES - FRAMES);
        ck_assert_uint_eq(live_counter(live, PG_COUNTER_PAGES_IN), s.pages_in);
        ck_assert_uint_eq(live_counter(live, PG_COUNTER_PAGES_OUT), s.pages_out);
        ck_assert_uint_eq(live_counter(live, PG_COUNTER_EVICTIONS_DIRTY), s.evictions_dirty);
        ck_assert_uint_eq(live_gauge(live, PG_GAUGE_FRAMES_TOTAL), s.frames_total);
        ck_assert_uint_eq(live_gauge(live, PG_GAUGE_FRAMES_PEAK), s.frames_peak);
        ck_assert_settles(live_gauge(live, PG_GAUGE_FRAMES_FREE) == stats_of(pool).frames_free);
        ck_assert_uint_gt(live_gauge(live, PG_GAUGE_SWAP_PAGES), 0);
        for (uint32_t i = 0; i < live->blocks; i++)
                for (uint32_t bin = 0; bin < live->bins; bin++)
                        loads += ((const uint64_t *)(const void *)((const char *)live +
                                                                   live->block_offset +
                                                                   i * live->block_bytes))
                                [live->counters + PG_HISTOGRAM_FAULT * live->bins + bin];
        ck_assert_uint_ge(loads, 2 * NPAGES - FRAMES);
        close_pool(pool);
}
END_TEST

START_TEST(each_pool_has_a_file_until_it_is_closed)
{
        struct pg_pool *one = open_frames(_i, FRAMES, 0), *two = open_frames(_i, FRAMES, 0);

        ck_assert_uint_eq(count_files(folder), 2);
        close_pool(one);
        ck_assert_uint_eq(count_files(folder), 1);
        close_pool(two);
        ck_assert_uint_eq(count_files(folder), 0);
}
END_TEST

/* ---- after ---------------------------------------------------------------------------------- */

START_TEST(figures_stay_where_that_is_asked_for)
{
        struct pg_pool *pool = open_frames(_i, FRAMES, PG_POOL_KEEPS_COUNTERS);
        const struct pg_live *live = live_of(getpid());

        fill_pages(map_pages(pool, NPAGES, 0), NPAGES, 3);
        close_pool(pool);
        ck_assert_uint_eq(count_files(folder), 1);
        ck_assert_uint_eq(live->state, PG_LIVE_CLOSED);
        ck_assert_uint_ge(live_counter(live, PG_COUNTER_FAULTS), NPAGES);
        ck_assert_uint_gt(live->closed_clock_ns, live->opened_clock_ns);
}
END_TEST

START_TEST(figures_of_a_killed_process_are_exact)
{
        int link[2];
        uint64_t faults = 0;
        pid_t child;

        ck_assert_int_eq(pipe(link), 0);
        child = fork();
        if (child == 0) {
                struct pg_pool *pool = open_frames(_i, FRAMES, 0);
                struct pg_stats before, now;

                fill_pages(map_pages(pool, NPAGES, 0), NPAGES, 3);
                do { /* until no handler has anything more to count */
                        before = stats_of(pool);
                        usleep(50000);
                        now = stats_of(pool);
                } while (before.faults != now.faults);
                if (write(link[1], &now.faults, sizeof(now.faults)) != sizeof(now.faults))
                        _exit(1);
                for (;;)
                        pause();
        }
        ck_assert_int_eq(read(link[0], &faults, sizeof(faults)), sizeof(faults));
        ck_assert_uint_ge(faults, NPAGES);
        kill(child, SIGKILL);
        expect_child(child, SIGKILL);
        ck_assert_uint_eq(live_counter(live_of(child), PG_COUNTER_FAULTS), faults);
        ck_assert_uint_eq(live_of(child)->state, PG_LIVE_RUNNING);
}
END_TEST

START_TEST(exit_removes_the_file)
{
        pid_t child = fork();

        if (child == 0) {
                open_frames(_i, FRAMES, 0);
                if (count_files(folder) != 1)
                        _exit(1);
                exit(0);
        }
        expect_child(child, 0);
        ck_assert_uint_eq(count_files(folder), 0);
}
END_TEST

/* ---- fork, and other changes ---------------------------------------------------------------- */

START_TEST(a_child_of_fork_counts_in_a_file_of_its_own)
{
        struct pg_pool *pool = open_frames(_i, FRAMES, INHERIT);
        const struct pg_live *live = live_of(getpid());
        char *map = map_pages(pool, NPAGES, 0);
        uint64_t faults;
        pid_t child;

        fill_pages(map, NPAGES, 3);
        ck_assert_settles(stats_of(pool).faults == live_counter(live, PG_COUNTER_FAULTS));
        child = fork();
        if (child == 0) {
                char path[512];

                CHILD_CHECK(find_file(folder, getpid(), path));
                CHILD_CHECK(live_of(getpid())->pid == getpid());
                CHILD_CHECK(live_gauge(live_of(getpid()), PG_GAUGE_FRAMES_TOTAL) ==
                            live_gauge(live, PG_GAUGE_FRAMES_TOTAL));
                faults = live_counter(live, PG_COUNTER_FAULTS);
                fill_pages(map, NPAGES, 9);
                CHILD_CHECK(live_counter(live_of(getpid()), PG_COUNTER_FAULTS) >= NPAGES - FRAMES);
                CHILD_CHECK(live_counter(live_of(getpid()), PG_COUNTER_FAULTS) <= NPAGES + FRAMES);
                CHILD_CHECK(live_counter(live, PG_COUNTER_FAULTS) == faults);
                pg_close(pool);
                CHILD_CHECK(!find_file(folder, getpid(), path));
                _exit(0);
        }
        expect_child(child, 0);
        ck_assert_uint_eq(count_files(folder), 1);
        check_pages(map, NPAGES, 3);
        close_pool(pool);
}
END_TEST

/* It gives frames back whose pages it does not get, before it runs on. */
START_TEST(a_child_leaves_the_figures_of_its_parent_alone)
{
        struct pg_pool *pool = open_frames(_i, FRAMES, INHERIT);
        struct pg_store *store = file_store_only(numbered_file(FRAMES / 2));
        char *map = map_store(pool, store, FRAMES / 2, PG_MAP_SHARED);
        const struct pg_live *live = live_of(getpid());
        uint64_t free_frames;
        pid_t child;

        for (size_t i = 0; i < FRAMES / 2; i++)
                (void)touch(map + i * PAGE);
        ck_assert_settles(live_gauge(live, PG_GAUGE_FRAMES_BUSY) == 0);
        free_frames = live_gauge(live, PG_GAUGE_FRAMES_FREE);
        ck_assert_uint_lt(free_frames, FRAMES);
        child = fork();
        if (child == 0) {
                CHILD_CHECK(live_gauge(live_of(getpid()), PG_GAUGE_FRAMES_FREE) > free_frames);
                _exit(0);
        }
        expect_child(child, 0);
        ck_assert_uint_eq(live_gauge(live, PG_GAUGE_FRAMES_FREE), free_frames);
        ck_assert_uint_eq(stats_of(pool).frames_free, free_frames);
        close_pool(pool);
        ck_assert_int_eq(pg_store_close(store), 0);
}
END_TEST

/* It has the mapping of its parent's file, and must not take it for its own. */
START_TEST(a_child_without_the_pool_leaves_the_file_alone)
{
        struct pg_pool *pool = open_frames(_i, FRAMES, 0);
        pid_t child = fork();

        if (child == 0)
                exit(count_files(folder) == 1 ? 0 : 1);
        expect_child(child, 0);
        ck_assert_uint_eq(count_files(folder), 1);
        ck_assert_uint_eq(live_of(getpid())->state, PG_LIVE_RUNNING);
        close_pool(pool);
}
END_TEST

START_TEST(a_child_of_another_user_counts_where_that_one_may)
{
        struct pg_pool *pool;
        pid_t child;

        if (geteuid() != 0) {
                puts("skipped: only root can become another user");
                return;
        }
        pool = open_frames(_i, FRAMES, INHERIT);
        child = fork();
        if (child == 0) {
                char path[512];

                CHILD_CHECK(setgroups(0, NULL) == 0 && setgid(65534) == 0 && setuid(65534) == 0);
                child = fork();
                if (child == 0) {
                        CHILD_CHECK(find_file("/dev/shm/unpaged-65534", getpid(), path));
                        CHILD_CHECK(map_file(path)->pid == getpid());
                        pg_close(pool);
                        CHILD_CHECK(!find_file("/dev/shm/unpaged-65534", getpid(), path));
                        _exit(0);
                }
                CHILD_CHECK(waitpid(child, &(int){0}, 0) == child);
                _exit(0);
        }
        expect_child(child, 0);
        close_pool(pool);
}
END_TEST

/* Its file is out of its reach then: it says that it is closed, and stays. A child has none, or one
 * in the new root. */
START_TEST(a_process_may_change_its_root)
{
        pid_t child;

        if (geteuid() != 0) {
                puts("skipped: only root can change the root directory");
                return;
        }
        child = fork();
        if (child == 0) {
                struct pg_pool *pool = open_frames(_i, FRAMES, INHERIT);
                char *pages = map_pages(pool, NPAGES, 0);

                fill_pages(pages, NPAGES, 3);
                CHILD_CHECK(chroot(runtime) == 0 && chdir("/") == 0);
                child = fork();
                check_pages(pages, NPAGES, 3);
                if (child != 0)
                        expect_child(child, 0);
                exit(0);
        }
        expect_child(child, 0);
        ck_assert_uint_eq(count_files(folder), 1);
        ck_assert_uint_eq(live_of(child)->state, PG_LIVE_CLOSED);
        ck_assert_uint_ge(live_counter(live_of(child), PG_COUNTER_FAULTS), 2 * NPAGES - FRAMES);
}
END_TEST

/* ---- where there is no place ---------------------------------------------------------------- */

static void expect_no_file(int delivery)
{
        struct pg_pool *pool = open_frames(delivery, FRAMES, 0);
        char *map = map_pages(pool, NPAGES, 0);

        fill_pages(map, NPAGES, 3);
        check_pages(map, NPAGES, 3);
        ck_assert_uint_ge(stats_of(pool).faults, NPAGES);
        ck_assert_uint_eq(count_files(folder), 0);
        close_pool(pool);
}

/* In a child, and without calls of Check: it writes to a file, too. */
START_TEST(beyond_the_limit_of_file_sizes_there_is_no_file)
{
        struct pg_config config = config_frames(_i, FRAMES, 0);
        pid_t child = fork();

        if (child == 0) {
                struct rlimit limit = {.rlim_cur = 1024, .rlim_max = RLIM_INFINITY};
                struct pg_pool *pool;
                char path[512], *map;

                CHILD_CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
                CHILD_CHECK(pg_open(&pool, &config) == 0);
                map = pg_map(pool, NPAGES * PAGE, 0);
                CHILD_CHECK(map);
                fill_pages(map, NPAGES, 3);
                for (uint64_t i = 0; i < NPAGES; i++)
                        CHILD_CHECK(*(uint64_t *)(void *)(map + i * PAGE) == 3 + i);
                CHILD_CHECK(!find_file(folder, getpid(), path));
                CHILD_CHECK(pg_close(pool) == 0);
                _exit(0);
        }
        expect_child(child, 0);
}
END_TEST

START_TEST(a_folder_that_others_may_write_to_is_not_used)
{
        ck_assert_int_eq(mkdir(folder, 0700), 0);
        ck_assert_int_eq(chmod(folder, 0777), 0);
        expect_no_file(_i);
        ck_assert_int_eq(rmdir(folder), 0);
        ck_assert_int_eq(chmod(runtime, 0777), 0);
        expect_no_file(_i);
        ck_assert_int_eq(chmod(runtime, 0700), 0);
}
END_TEST

START_TEST(a_link_in_place_of_the_folder_is_not_followed)
{
        char other[96];

        snprintf(other, sizeof(other), "%s/other", runtime);
        ck_assert_int_eq(mkdir(other, 0700), 0);
        ck_assert_int_eq(symlink(other, folder), 0);
        expect_no_file(_i);
}
END_TEST

START_TEST(a_full_file_system_is_no_place_for_counters)
{
        char path[96];
        int fd;

        if (geteuid() != 0 || mount("tmpfs", runtime, "tmpfs", 0, "size=16k,mode=0700") != 0) {
                puts("skipped: may not mount here");
                return;
        }
        fd = open(strcat(strcpy(path, runtime), "/filler"), O_CREAT | O_WRONLY, 0600);
        ck_assert_int_eq(fallocate(fd, 0, 0, 16 << 10), 0);
        close(fd);
        expect_no_file(_i);
        ck_assert_int_eq(umount(runtime), 0);
}
END_TEST

/* ---- what killed processes have left -------------------------------------------------------- */

START_TEST(of_stale_files_the_newest_32_stay)
{
        struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {0}};
        char path[128];
        int fd;

        ck_assert_int_eq(mkdir(folder, 0700), 0);
        for (int i = 0; i < 40; i++) { /* of processes that there cannot be */
                snprintf(path, sizeof(path), "%s/%d.1.%d", folder, INT32_MAX - i, i);
                fd = open(path, O_CREAT | O_EXCL | O_WRONLY, 0600);
                ck_assert_int_ge(fd, 0);
                times[1].tv_sec = 1000000 + (i * 7) % 40;
                ck_assert_int_eq(futimens(fd, times), 0);
                close(fd);
        }
        snprintf(path, sizeof(path), "%s/not-ours", folder);
        close(open(path, O_CREAT | O_EXCL | O_WRONLY, 0600));
        close_pool(open_frames(_i, FRAMES, 0));
        ck_assert_uint_eq(count_files(folder), 33);
        for (int i = 0; i < 40; i++) {
                snprintf(path, sizeof(path), "%s/%d.1.%d", folder, INT32_MAX - i, i);
                ck_assert_int_eq(access(path, F_OK) == 0, (i * 7) % 40 >= 8);
        }
}
END_TEST

TESTS("live")
{
        int first = *SANITIZER ? PG_DELIVERY_SIGNAL : PG_DELIVERY_THREAD;

        tcase_add_checked_fixture(tc, make_runtime, remove_runtime);
        add_for_both(tc, another_mapping_of_the_file_has_the_counters);
        add_for_both(tc, each_pool_has_a_file_until_it_is_closed);
        add_for_both(tc, figures_stay_where_that_is_asked_for);
        add_for_both(tc, figures_of_a_killed_process_are_exact);
        add_for_both(tc, exit_removes_the_file);
        tcase_add_loop_test(tc, a_child_of_fork_counts_in_a_file_of_its_own, first, 2);
        tcase_add_loop_test(tc, a_child_leaves_the_figures_of_its_parent_alone, first, 2);
        add_for_both(tc, a_child_without_the_pool_leaves_the_file_alone);
        tcase_add_loop_test(tc, a_child_of_another_user_counts_where_that_one_may, first, 2);
        tcase_add_loop_test(tc, a_process_may_change_its_root, first, 2);
        add_for_both(tc, beyond_the_limit_of_file_sizes_there_is_no_file);
        add_for_both(tc, a_folder_that_others_may_write_to_is_not_used);
        add_for_both(tc, a_link_in_place_of_the_folder_is_not_followed);
        add_for_both(tc, a_full_file_system_is_no_place_for_counters);
        tcase_add_test(tc, of_stale_files_the_newest_32_stay);
}
