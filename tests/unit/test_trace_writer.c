/* SPDX-License-Identifier: MIT */
/* The writer of traces: what it does with events while its buffers are not written. */
#include "trace_writer.h"

#include "../run_tests.h"

#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include "trace_file.h"

#define BURST 60000u /* more than both buffers hold */

static char path[] = "/tmp/unpaged-trace-XXXXXX";
static struct trace_writer writer;

static void begin(void)
{
        static const struct pg_trace_header header = {.page_size = 4096, .policy = "none"};
        int fd;

        memset(path + sizeof(path) - 7, 'X', 6);
        fd = mkstemp(path);
        ck_assert_int_ge(fd, 0);
        close(fd);
        ck_assert_int_eq(trace_writer_open(&writer, path, &header), 0);
}

static void end(void)
{
        trace_writer_close(&writer);
        unlink(path);
}

static void record(uint64_t first, uint64_t n, bool write)
{
        for (uint64_t page = first; page < first + n; page++) {
                struct pg_trace_event e = {.kind = PG_TRACE_FAULT, .page = page, .count = 1};

                trace_writer_add(&writer, &e);
                if (write)
                        trace_writer_write(&writer);
        }
}

static void sync_all(void)
{
        bool more;

        do {
                more = trace_writer_seal(&writer);
                ck_assert_int_eq(trace_writer_finish(&writer), 0);
        } while (more);
}

/* Pages from `first` on must follow each other, but for gaps. Returns events; *lost: in gaps. */
static uint64_t read_back(uint64_t next, uint64_t *lost)
{
        char why[TRACE_WHY];
        struct trace_reader *r;
        struct pg_trace_event e;
        uint64_t n = 0;

        *lost = 0;
        ck_assert_msg(trace_file_open(path, &r, why) == 0, "%s", why);
        while (trace_file_next(r, &e) > 0) {
                if (e.kind == PG_TRACE_GAP)
                        *lost += e.count, next += e.count, n++;
                if (e.kind == PG_TRACE_END)
                        ck_assert_uint_eq(e.count, n);
                if (e.kind == PG_TRACE_FAULT) {
                        ck_assert_uint_eq(e.page, next++);
                        n++;
                }
        }
        ck_assert_msg(!trace_file_note(r), "%s", trace_file_note(r));
        trace_file_close(r);
        return n;
}

START_TEST(nothing_is_lost_where_full_buffers_are_written)
{
        uint64_t lost;

        record(100, 3 * BURST, true);
        sync_all();
        ck_assert_uint_eq(read_back(100, &lost), 3 * BURST);
        ck_assert_uint_eq(lost, 0);
}
END_TEST

START_TEST(what_finds_no_room_is_counted_in_a_gap)
{
        uint64_t lost, n;

        record(0, 2 * BURST, false);
        sync_all(); /* the gap is the last event */
        n = read_back(0, &lost);
        ck_assert_uint_gt(lost, BURST / 2);
        ck_assert_uint_eq(n - 1 + lost, 2 * BURST);
        record(2 * BURST, 2 * BURST, false);
        trace_writer_write(&writer);
        record(4 * BURST, 10, false); /* the gap stands before these */
        sync_all();
        n = read_back(0, &lost);
        ck_assert_uint_eq(n - 2 + lost, 4 * BURST + 10);
}
END_TEST

START_TEST(a_sync_with_nothing_new_changes_nothing)
{
        uint64_t lost;

        sync_all();
        ck_assert_uint_eq(read_back(0, &lost), 0);
        record(0, 7, false);
        for (unsigned i = 0; i < 3; i++) {
                sync_all();
                ck_assert_uint_eq(read_back(0, &lost), 7);
        }
}
END_TEST

/* A file that may not grow raises SIGXFSZ, which is taken back; a test reports to a file, too. */
START_TEST(a_signal_of_the_program_s_that_waits_is_left_to_it)
{
        for (int own = 0; own < 2; own++) {
                struct rlimit limit, lower;
                sigset_t set, pending;

                sigemptyset(&set);
                sigaddset(&set, SIGXFSZ);
                sigprocmask(SIG_BLOCK, &set, NULL);
                if (own) {
                        end();
                        begin();
                        raise(SIGXFSZ);
                }
                getrlimit(RLIMIT_FSIZE, &limit);
                lower = limit;
                lower.rlim_cur = 10000;
                setrlimit(RLIMIT_FSIZE, &lower);
                record(1, BURST, true);
                setrlimit(RLIMIT_FSIZE, &limit);
                sigpending(&pending);
                ck_assert(!trace_writer_is_on(&writer));
                ck_assert_int_eq(sigismember(&pending, SIGXFSZ), own);
        }
}
END_TEST

static mode_t mode_of(const char *name)
{
        struct stat st;

        ck_assert_int_eq(stat(name, &st), 0);
        return st.st_mode & 07777;
}

/* What a process has done is nobody else's to know, whatever the umask says. */
START_TEST(a_new_trace_is_its_owners_alone)
{
        mode_t before = umask(0);

        trace_writer_close(&writer);
        unlink(path);
        ck_assert_int_eq(trace_writer_open(&writer, path, &(struct pg_trace_header){0}), 0);
        ck_assert_uint_eq(mode_of(path), 0600);
        umask(before);
}
END_TEST

START_TEST(a_trace_that_replaces_another_keeps_its_mode_and_leaves_readers_the_old_one)
{
        static const struct pg_trace_header header = {.page_size = 4096, .policy = "none"};
        FILE *old;
        char line[16];

        trace_writer_close(&writer);
        ck_assert_int_eq(chmod(path, 0640), 0);
        old = fopen(path, "w+");
        ck_assert_int_ge(fputs("an old one", old), 0);
        ck_assert_int_eq(fflush(old), 0);
        ck_assert_int_eq(trace_writer_open(&writer, path, &header), 0);
        rewind(old);
        ck_assert_ptr_nonnull(fgets(line, sizeof(line), old));
        ck_assert_str_eq(line, "an old one");
        ck_assert_uint_eq(mode_of(path), 0640);
        fclose(old);
}
END_TEST

/* It is a trace without events from the first moment on. */
START_TEST(a_trace_that_cannot_begin_leaves_the_old_one)
{
        static const struct pg_trace_header header = {.page_size = 4096, .policy = "none"};
        struct rlimit before, tiny;
        char line[16] = "";
        FILE *old;
        int error;

        trace_writer_close(&writer);
        old = fopen(path, "w+");
        ck_assert_int_ge(fputs("an old one", old), 0);
        ck_assert_int_eq(fflush(old), 0);
        ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &before), 0);
        tiny = before;
        tiny.rlim_cur = 1;
        setrlimit(RLIMIT_FSIZE, &tiny); /* for what an assertion notes as well */
        error = trace_writer_open(&writer, path, &header);
        setrlimit(RLIMIT_FSIZE, &before);
        ck_assert_int_eq(error, -EFBIG);
        fclose(old);
        old = fopen(path, "r");
        ck_assert_ptr_nonnull(fgets(line, sizeof(line), old));
        ck_assert_str_eq(line, "an old one");
        fclose(old);
}
END_TEST

TESTS("recorder")
{
        tcase_add_checked_fixture(tc, begin, end);
        tcase_add_test(tc, nothing_is_lost_where_full_buffers_are_written);
        tcase_add_test(tc, what_finds_no_room_is_counted_in_a_gap);
        tcase_add_test(tc, a_sync_with_nothing_new_changes_nothing);
        tcase_add_test(tc, a_signal_of_the_program_s_that_waits_is_left_to_it);
        tcase_add_test(tc, a_new_trace_is_its_owners_alone);
        tcase_add_test(tc,
                       a_trace_that_replaces_another_keeps_its_mode_and_leaves_readers_the_old_one);
        tcase_add_test(tc, a_trace_that_cannot_begin_leaves_the_old_one);
}
