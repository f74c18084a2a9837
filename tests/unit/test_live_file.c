/* SPDX-License-Identifier: MIT */
/* test_live_file.c - files that processes leave: whose they are, and which of them go. */
#include "../run_tests.h"
#include "live_file.h"
#include "live_name.h"

#include <check.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <unpaged/live.h>

static char folder[LIVE_FOLDER];

/* Files lie in a folder of the test's own. */
static void folder_make(void)
{
        char runtime[] = "/dev/shm/test_live_file.XXXXXX";

        ck_assert_ptr_nonnull(mkdtemp(runtime));
        ck_assert_int_eq(setenv("XDG_RUNTIME_DIR", runtime, 1), 0);
        live_places_read();
        ck_assert(live_folder(0, folder));
        ck_assert_int_eq(mkdir(folder, 0700), 0);
}

static void path_of(char path[512], const char *name)
{
        snprintf(path, 512, "%s/%s", folder, name);
}

/* Each is a second newer than the one before: the clock of files is a coarse one. */
static void file_make_of(const char *name, const void *content, size_t size)
{
        static time_t seconds = 1000000;
        struct timespec times[2] = {{.tv_sec = seconds}, {.tv_sec = seconds}};
        char path[512];
        int fd;

        path_of(path, name);
        fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
        ck_assert_int_ge(fd, 0);
        ck_assert_int_eq(write(fd, content, size), (ssize_t)size);
        ck_assert_int_eq(futimens(fd, times), 0);
        seconds++;
        close(fd);
}

static bool is_there(const char *name)
{
        char path[512];

        path_of(path, name);
        return access(path, F_OK) == 0;
}

static unsigned count_files(void)
{
        DIR *dir = opendir(folder);
        unsigned n = 0;

        ck_assert_ptr_nonnull(dir);
        for (const struct dirent *e; (e = readdir(dir));)
                n += e->d_name[0] != '.';
        closedir(dir);
        return n;
}

static void folder_remove(void)
{
        DIR *dir = opendir(folder);
        char path[512];

        for (const struct dirent *e; (e = readdir(dir));) {
                path_of(path, e->d_name);
                if (e->d_name[0] != '.')
                        unlink(path);
        }
        closedir(dir);
        rmdir(folder);
        rmdir(getenv("XDG_RUNTIME_DIR"));
}

/* The number of a process that has gone. */
static pid_t pid_gone(void)
{
        pid_t pid = fork();

        ck_assert_int_ge(pid, 0);
        if (pid == 0)
                _exit(0);
        ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
        return pid;
}

START_TEST(a_name_is_a_process_its_beginning_and_what_the_file_is)
{
        uint64_t ticks;
        unsigned number;
        pid_t pid;

        ck_assert(live_name_read("12.345.6", &pid, &ticks, &number));
        ck_assert(pid == 12 && ticks == 345 && number == 6);
        ck_assert(live_run_name_read("12.345.run", &pid, &ticks));
        ck_assert(pid == 12 && ticks == 345);
        ck_assert(!live_name_read("12.345.run", &pid, &ticks, &number));
        ck_assert(!live_run_name_read("12.345.6", &pid, &ticks));
        ck_assert(!live_run_name_read("12.345.runs", &pid, &ticks));
        ck_assert(!live_run_name_read("0.345.run", &pid, &ticks));
        ck_assert(!live_run_name_read("x", &pid, &ticks));
}
END_TEST

START_TEST(a_process_is_there_until_it_ends)
{
        uint64_t ticks = live_start_ticks(getpid());
        siginfo_t info;
        pid_t pid;

        ck_assert_uint_gt(ticks, 0);
        ck_assert(live_owner_is_there(getpid(), ticks));
        ck_assert(!live_owner_is_there(getpid(), ticks + 1));
        ck_assert(!live_owner_is_there(pid_gone(), 0));
        pid = fork();
        if (pid == 0)
                _exit(0);
        ticks = live_start_ticks(pid);
        ck_assert_int_eq(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
        ck_assert(!live_owner_is_there(pid, ticks)); /* a zombie */
        waitpid(pid, NULL, 0);
}
END_TEST

START_TEST(of_runs_that_are_over_the_newest_records_stay)
{
        struct live_file own;
        char name[64], of_own[64];
        pid_t gone = pid_gone();
        int fd;

        folder_make();
        fd = live_run_open(&own, 512);
        ck_assert_int_ge(fd, 0);
        close(fd);
        for (unsigned i = 1; i <= LIVE_STALE_MOST + 8; i++) {
                snprintf(name, sizeof(name), "%d.%u.run", gone, i);
                file_make_of(name, "x", 1);
        }
        live_files_prune();
        snprintf(of_own, sizeof(of_own), "%s", strrchr(own.path, '/') + 1);
        ck_assert(is_there(of_own));
        ck_assert_uint_eq(count_files(), LIVE_STALE_MOST + 1);
        ck_assert(is_there(name)); /* the newest */
        live_file_remove(&own);
        ck_assert(!is_there(of_own));
        folder_remove();
}
END_TEST

START_TEST(counters_stay_while_their_run_goes_on)
{
        struct pg_live live = {.magic = PG_LIVE_MAGIC, .version = PG_LIVE_VERSION};
        pid_t gone = pid_gone();
        char name[64];

        folder_make();
        live.run = getpid();
        live.run_start_ticks = live_start_ticks(getpid());
        for (unsigned i = 1; i <= LIVE_STALE_MOST + 8; i++) {
                snprintf(name, sizeof(name), "%d.%u.0", gone, i);
                file_make_of(name, &live, sizeof(live));
        }
        live_files_prune();
        ck_assert_uint_eq(count_files(), LIVE_STALE_MOST + 8);
        live.run = gone;
        for (unsigned i = LIVE_STALE_MOST + 9; i <= 2 * LIVE_STALE_MOST + 16; i++) {
                snprintf(name, sizeof(name), "%d.%u.0", gone, i);
                file_make_of(name, &live, sizeof(live));
        }
        live_files_prune();
        ck_assert_uint_eq(count_files(), 2 * LIVE_STALE_MOST + 8);
        folder_remove();
}
END_TEST

TESTS("live_file")
{
        tcase_add_test(tc, a_name_is_a_process_its_beginning_and_what_the_file_is);
        tcase_add_test(tc, a_process_is_there_until_it_ends);
        tcase_add_test(tc, of_runs_that_are_over_the_newest_records_stay);
        tcase_add_test(tc, counters_stay_while_their_run_goes_on);
}
