/* SPDX-License-Identifier: MIT */
/* Traces: each event survives its coding, and the reader tells whole files from all others. */
#include "../run_tests.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <unpaged/trace.h>
#include "trace_file.h"
#include "bench_util.h"

#define EVENTS 20000u

static char path[] = "/tmp/unpaged-trace-XXXXXX";
static char why[TRACE_WHY];

static void begin(void)
{
        int fd;

        memset(path + sizeof(path) - 7, 'X', 6);
        fd = mkstemp(path);
        ck_assert_int_ge(fd, 0);
        close(fd);
}

static void end(void)
{
        unlink(path);
}

/* ---- events ------------------------------------------------------------------------------- */

static uint64_t random64(void)
{
        static uint64_t state = 1;

        return random_next(&state);
}

/* Of any size, so that every length of a coded number comes. */
static uint64_t any(void)
{
        uint64_t bits = random64() % 65;

        return bits == 0 ? 0 : random64() >> (64 - bits);
}

static struct pg_trace_event any_event(uint64_t near)
{
        struct pg_trace_event e = {.kind = (enum pg_trace_kind)(random64() % PG_TRACE_END),
                                   .dirty = random64() % 2,
                                   .count = 1};

        if (pg_trace_has_page(e.kind))
                e.page = random64() % 4 == 0 ? any() : near + (random64() % 7 - 3) * any();
        if (pg_trace_has_count(e.kind))
                e.count = any();
        if (e.kind == PG_TRACE_MOVED)
                e.to = any();
        return e;
}

static void assert_same(const struct pg_trace_event *a, const struct pg_trace_event *b)
{
        ck_assert_int_eq(a->kind, b->kind);
        ck_assert_uint_eq(a->page, b->page);
        ck_assert_uint_eq(a->count, b->count);
        ck_assert_uint_eq(a->to, b->to);
        ck_assert_int_eq(a->dirty, b->dirty);
}

START_TEST(an_event_is_what_it_was_and_never_longer_than_the_most)
{
        struct pg_trace_coder out = {{0}}, in = {{0}};
        unsigned char bytes[PG_TRACE_EVENT_MAX];
        uint64_t near = 0;

        for (unsigned i = 0; i < EVENTS; i++) {
                struct pg_trace_event was = any_event(near), is = {0};
                struct pg_trace_coder before = in;
                size_t n = pg_trace_encode(&out, &was, bytes);

                ck_assert_uint_le(n, PG_TRACE_EVENT_MAX);
                for (size_t cut = 0; cut < n; cut++)
                        ck_assert_int_eq(pg_trace_decode(&in, &is, bytes, cut), 0);
                ck_assert_mem_eq(&before, &in, sizeof(in));
                ck_assert_int_eq(pg_trace_decode(&in, &is, bytes, n), (int)n);
                assert_same(&was, &is);
                near = was.page;
        }
}
END_TEST

START_TEST(extreme_pages_are_coded)
{
        static const uint64_t pages[] = {0,
                                         UINT64_MAX,
                                         0,
                                         UINT64_MAX / 2,
                                         UINT64_MAX / 2 + 1,
                                         0,
                                         (uint64_t)1 << 55,
                                         ((uint64_t)1 << 55) - 1,
                                         (uint64_t)1 << 47,
                                         1,
                                         2,
                                         1};
        struct pg_trace_coder out = {{0}}, in = {{0}};
        unsigned char bytes[PG_TRACE_EVENT_MAX];

        for (unsigned i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
                struct pg_trace_event e = {.page = pages[i], .kind = PG_TRACE_FAULT, .count = 1};
                struct pg_trace_event is;
                size_t n = pg_trace_encode(&out, &e, bytes);

                ck_assert_int_eq(pg_trace_decode(&in, &is, bytes, n), (int)n);
                assert_same(&e, &is);
        }
}
END_TEST

START_TEST(neighbours_in_two_streams_cost_a_byte)
{
        struct pg_trace_coder out = {{(uint64_t)1 << 35, (uint64_t)1 << 34}};
        unsigned char bytes[PG_TRACE_EVENT_MAX];

        for (unsigned i = 1; i < 100; i++) {
                struct pg_trace_event come = {.page = ((uint64_t)1 << 35) + i,
                                              .kind = PG_TRACE_FAULT};
                struct pg_trace_event go = {.page = ((uint64_t)1 << 34) + i, .kind = PG_TRACE_LEFT};

                ck_assert_uint_eq(pg_trace_encode(&out, &come, bytes), 1);
                ck_assert_uint_eq(pg_trace_encode(&out, &go, bytes), 1);
        }
}
END_TEST

START_TEST(bytes_that_no_event_begins_with_are_refused)
{
        static const unsigned char unknown[] = {0x0f, 0, 0};
        static const unsigned char gap_with_page[] = {0x20 | PG_TRACE_GAP, 1, 1};
        static const unsigned char too_large[] = {PG_TRACE_GAP, 255, 255, 255, 255, 255,
                                                  255,          255, 255, 255, 2};
        struct pg_trace_coder in = {{0}};
        struct pg_trace_event e;

        ck_assert_int_eq(pg_trace_decode(&in, &e, unknown, sizeof(unknown)), -1);
        ck_assert_int_eq(pg_trace_decode(&in, &e, gap_with_page, sizeof(gap_with_page)), -1);
        ck_assert_int_eq(pg_trace_decode(&in, &e, too_large, sizeof(too_large)), -1);
}
END_TEST

/* ---- files -------------------------------------------------------------------------------- */

static const struct pg_trace_header header = {
        .page_size = 4096,
        .frames = 64,
        .queue_pct = 20,
        .flags = PG_TRACE_STRICT,
        .policy = "a-name-of-16byte",
        .origin = "an origin that takes all of its forty-eight byte",
};

static struct pg_trace_event nth(unsigned i)
{
        return (struct pg_trace_event){
                .page = 1000 + i * i, .kind = PG_TRACE_FAULT, .count = 1, .dirty = i % 3 == 0};
}

/* Writes a trace of n events, and cuts it to so many bytes; 0: to what it has. Returns these. */
static size_t make(unsigned n, size_t size)
{
        struct trace_file_writer *w;
        int fd;
        off_t all;

        ck_assert_int_eq(trace_file_create(path, &header, &w, why), 0);
        for (unsigned i = 0; i < n; i++) {
                struct pg_trace_event e = nth(i);

                trace_file_add(w, &e);
        }
        ck_assert_int_eq(trace_file_finish(w, true, why), 0);
        fd = open(path, O_RDWR);
        all = lseek(fd, 0, SEEK_END);
        ck_assert(size == 0 || ftruncate(fd, (off_t)size) == 0);
        close(fd);
        return (size_t)all;
}

static void poke(off_t at, unsigned char byte)
{
        int fd = open(path, O_WRONLY);

        ck_assert_int_eq(pwrite(fd, &byte, 1, at), 1);
        close(fd);
}

START_TEST(a_trace_is_read_as_it_was_written_and_again)
{
        struct trace_reader *r;
        struct pg_trace_event e, was;

        make(EVENTS, 0);
        ck_assert_int_eq(trace_file_open(path, &r, why), 0);
        ck_assert_mem_eq(trace_file_header(r), &header, sizeof(header));
        for (unsigned pass = 0; pass < 2; pass++) {
                for (unsigned i = 0; i < EVENTS; i++) {
                        ck_assert_int_eq(trace_file_next(r, &e), 1);
                        was = nth(i);
                        assert_same(&was, &e);
                }
                ck_assert_int_eq(trace_file_next(r, &e), 1);
                ck_assert_int_eq(e.kind, PG_TRACE_END);
                ck_assert_uint_eq(e.count, EVENTS);
                ck_assert_int_eq(trace_file_next(r, &e), 0);
                ck_assert_int_eq(trace_file_next(r, &e), 0);
                ck_assert_ptr_null(trace_file_note(r));
                ck_assert_int_eq(trace_file_rewind(r), 0);
        }
        trace_file_close(r);
}
END_TEST

/* Events of what the path names now; *note: what is said at the end. */
static unsigned read_all(int *end, char note[TRACE_WHY])
{
        struct trace_reader *r;
        struct pg_trace_event e;
        unsigned n = 0;

        ck_assert_int_eq(trace_file_open(path, &r, why), 0);
        while ((*end = trace_file_next(r, &e)) > 0)
                n++;
        snprintf(note, TRACE_WHY, "%s", trace_file_note(r) ? trace_file_note(r) : "");
        trace_file_close(r);
        return n;
}

START_TEST(a_trace_that_was_cut_anywhere_is_read_up_to_there)
{
        size_t whole = make(50, 0);
        unsigned before = 0;
        char note[TRACE_WHY];
        int last;

        for (size_t size = PG_TRACE_HEADER_SIZE; size < whole; size++) {
                unsigned n;

                make(50, size);
                n = read_all(&last, note);
                ck_assert_int_eq(last, 0);
                ck_assert_uint_ge(n, before);
                ck_assert_uint_le(n, 50);
                ck_assert_ptr_nonnull(strstr(note, "ends before its time"));
                ck_assert_ptr_nonnull(strstr(note, path));
                before = n;
        }
        ck_assert_uint_eq(before, 50);
}
END_TEST

START_TEST(a_trace_that_the_disk_ended_says_so)
{
        char note[TRACE_WHY];
        int last;

        make(50, PG_TRACE_HEADER_SIZE + 70);
        poke(PG_TRACE_ERROR_AT, ENOSPC);
        read_all(&last, note);
        ck_assert_int_eq(last, 0);
        ck_assert_ptr_nonnull(strstr(note, strerror(ENOSPC)));
}
END_TEST

START_TEST(damage_is_an_error_where_it_is)
{
        char note[TRACE_WHY];
        int last;

        make(50, 0);
        poke(PG_TRACE_HEADER_SIZE, 0x0f);
        ck_assert_uint_eq(read_all(&last, note), 0);
        ck_assert_int_eq(last, -EINVAL);
        ck_assert_ptr_nonnull(strstr(note, "damaged after 0 events"));
        poke((off_t)make(50, 0), 0);
        ck_assert_uint_eq(read_all(&last, note), 51);
        ck_assert_int_eq(last, -EINVAL);
}
END_TEST

START_TEST(random_bytes_end_somewhere)
{
        char note[TRACE_WHY];
        int last;

        for (unsigned round = 0; round < 200; round++) {
                make(200, 0);
                for (unsigned i = 0; i < 100; i++)
                        poke((off_t)(PG_TRACE_HEADER_SIZE + random64() % 600),
                             (unsigned char)random64());
                read_all(&last, note);
                ck_assert(last == 0 || last == -EINVAL);
        }
}
END_TEST

/* ---- what is no trace --------------------------------------------------------------------- */

static void assert_refused(int error, const char *word)
{
        struct trace_reader *r = (struct trace_reader *)1;

        ck_assert_int_eq(trace_file_open(path, &r, why), error);
        ck_assert_ptr_null(r);
        ck_assert_msg(strstr(why, word) && strstr(why, path), "%s", why);
}

START_TEST(what_is_no_trace_is_refused_with_the_reason)
{
        make(5, 0);
        poke(0, 'V');
        assert_refused(-EINVAL, "not a trace");
        make(5, 0);
        poke(8, 2);
        assert_refused(-ENOTSUP, "version 2");
        make(5, 0);
        poke(10, 50); /* the events cannot begin inside the header */
        assert_refused(-EINVAL, "not a trace");
        make(5, PG_TRACE_HEADER_SIZE - 1);
        assert_refused(-EINVAL, "not a trace");
        ck_assert_int_eq(truncate(path, 0), 0);
        assert_refused(-EINVAL, "empty");
        unlink(path);
        assert_refused(-ENOENT, "No such file");
}
END_TEST

START_TEST(a_longer_header_of_later_times_is_skipped)
{
        struct trace_reader *r;
        struct pg_trace_event e, was = nth(0);
        unsigned char bytes[4096];
        size_t size = make(1, 0);
        int fd = open(path, O_RDWR);

        ck_assert_int_eq(read(fd, bytes, size), (ssize_t)size);
        memmove(bytes + 128, bytes + 96, size - 96);
        bytes[10] = 128;
        ck_assert_int_eq(pwrite(fd, bytes, size + 32, 0), (ssize_t)size + 32);
        close(fd);
        ck_assert_int_eq(trace_file_open(path, &r, why), 0);
        ck_assert_int_eq(trace_file_next(r, &e), 1);
        assert_same(&was, &e);
        trace_file_close(r);
}
END_TEST

START_TEST(who_writes_to_a_full_disk_is_told)
{
        struct trace_file_writer *w;

        ck_assert_int_eq(trace_file_create("/nowhere/trace", &header, &w, why), -ENOENT);
        ck_assert_ptr_nonnull(strstr(why, "/nowhere/trace"));
        if (access("/dev/full", W_OK) != 0)
                return;
        ck_assert_int_eq(trace_file_create("/dev/full", &header, &w, why), 0);
        for (unsigned i = 0; i < EVENTS; i++) {
                struct pg_trace_event e = nth(i);

                trace_file_add(w, &e);
        }
        ck_assert_int_eq(trace_file_finish(w, true, why), -ENOSPC);
        ck_assert_ptr_nonnull(strstr(why, "/dev/full"));
}
END_TEST

TESTS("trace")
{
        tcase_add_checked_fixture(tc, begin, end);
        tcase_add_test(tc, an_event_is_what_it_was_and_never_longer_than_the_most);
        tcase_add_test(tc, extreme_pages_are_coded);
        tcase_add_test(tc, neighbours_in_two_streams_cost_a_byte);
        tcase_add_test(tc, bytes_that_no_event_begins_with_are_refused);
        tcase_add_test(tc, a_trace_is_read_as_it_was_written_and_again);
        tcase_add_test(tc, a_trace_that_was_cut_anywhere_is_read_up_to_there);
        tcase_add_test(tc, a_trace_that_the_disk_ended_says_so);
        tcase_add_test(tc, damage_is_an_error_where_it_is);
        tcase_add_test(tc, random_bytes_end_somewhere);
        tcase_add_test(tc, what_is_no_trace_is_refused_with_the_reason);
        tcase_add_test(tc, a_longer_header_of_later_times_is_skipped);
        tcase_add_test(tc, who_writes_to_a_full_disk_is_told);
}
