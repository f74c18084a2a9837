/* SPDX-License-Identifier: MIT */
/*
 * worker.c - what a program does with paged memory: the random operations of the worker threads.
 *
 * Accesses and system calls stay within the words of the thread; calls that move pages go anywhere.
 * In signal delivery a system call needs its memory pinned, and as other threads unpin at random it
 * may fail all the same: then the words are written by hand.
 */
#include "stress.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <unpaged/statistics.h>

#define SYSCALL_WORDS 4096u /* half of what a pipe holds */

struct span {
        struct area *area;
        uint64_t word;
        size_t n;
};

/* ---- choosing ------------------------------------------------------------------------------ */

static struct area *any_area(struct thread *t)
{
        return &run.areas[random_below(&t->random, AREA_KINDS)];
}

static struct area *writable_area(struct thread *t)
{
        return &run.areas[random_below(&t->random, AREA_READONLY)];
}

static struct span own_chunk(struct thread *t, struct area *a)
{
        uint64_t chunks = a->half * a->page_words / CHUNK_WORDS;
        uint64_t c = random_below(&t->random, chunks / run.nthreads) * run.nthreads + t->id;

        return (struct span){a, c * CHUNK_WORDS, CHUNK_WORDS};
}

static struct span own_pages(struct thread *t, struct area *a, size_t most)
{
        size_t each = (a->npages - a->half) / run.nthreads;
        uint64_t first = random_below(&t->random, each);
        size_t n = 1 + random_below(&t->random, each - first);

        n = n < most ? n : most;
        return (struct span){a, (a->half + t->id * each + first) * a->page_words,
                             n * a->page_words};
}

/* A piece of the coarse pages of the thread, of any length and alignment. */
static struct span own_piece(struct thread *t, struct area *a, size_t most)
{
        struct span s = own_pages(t, a, 64);
        uint64_t skip = random_below(&t->random, s.n);
        size_t n = 1 + random_below(&t->random, s.n - skip);

        s.word += skip;
        s.n = n < most ? n : most;
        return s;
}

static void values_make(struct thread *t, size_t n)
{
        uint64_t kind = random_below(&t->random, 8), base = random_next(&t->random);

        for (size_t i = 0; i < n; i++)
                t->values[i] = kind == 0  ? 0
                               : kind < 3 ? base + i
                               : kind < 4 ? base
                                          : random_next(&t->random);
}

static void begin(struct thread *t, enum op op, const struct span *s)
{
        uint64_t first = s->word / s->area->page_words;

        op_begin(t, op, s->area, first, (s->word + s->n - 1) / s->area->page_words - first + 1);
}

/* ---- accesses ------------------------------------------------------------------------------ */

static void do_read_word(struct thread *t)
{
        struct area *a = any_area(t);
        struct span s = {a, random_below(&t->random, area_words(a)), 1};

        if (a->kind != AREA_READONLY) {
                s = random_below(&t->random, 2) ? own_chunk(t, a) : own_piece(t, a, CHUNK_WORDS);
                s.word += random_below(&t->random, s.n);
                s.n = 1;
        }
        begin(t, OP_READ_WORD, &s);
        area_read(t, a, s.word, 1);
}

static void do_write_word(struct thread *t)
{
        struct area *a = writable_area(t);
        struct span s =
                random_below(&t->random, 2) ? own_chunk(t, a) : own_piece(t, a, CHUNK_WORDS);

        s.word += random_below(&t->random, s.n);
        s.n = 1;
        begin(t, OP_WRITE_WORD, &s);
        values_make(t, 1);
        area_write(t, a, s.word, t->values, 1);
}

static void do_read_run(struct thread *t)
{
        struct area *a = any_area(t);
        struct span s;

        if (a->kind == AREA_READONLY || random_below(&t->random, 2)) {
                s = own_piece(t, a, RUN_WORDS);
                begin(t, OP_READ_RUN, &s);
                area_read(t, a, s.word, s.n);
                return;
        }
        s = own_chunk(t, a);
        begin(t, OP_READ_RUN, &s);
        for (unsigned i = 0; i < 64 && s.word + CHUNK_WORDS <= a->half * a->page_words; i++) {
                area_read(t, a, s.word, CHUNK_WORDS);
                s.word += (uint64_t)CHUNK_WORDS * run.nthreads;
        }
}

static void do_write_run(struct thread *t)
{
        struct area *a = writable_area(t);
        struct span s;

        if (random_below(&t->random, 2)) {
                s = own_piece(t, a, RUN_WORDS);
                begin(t, OP_WRITE_RUN, &s);
                values_make(t, s.n);
                area_write(t, a, s.word, t->values, s.n);
                return;
        }
        s = own_chunk(t, a);
        begin(t, OP_WRITE_RUN, &s);
        for (unsigned i = 0; i < 64 && s.word + CHUNK_WORDS <= a->half * a->page_words; i++) {
                values_make(t, CHUNK_WORDS);
                area_write(t, a, s.word, t->values, CHUNK_WORDS);
                s.word += (uint64_t)CHUNK_WORDS * run.nthreads;
        }
}

static void do_memset(struct thread *t)
{
        struct area *a = writable_area(t);
        struct span s =
                random_below(&t->random, 2) ? own_pages(t, a, 8) : own_piece(t, a, RUN_WORDS);

        begin(t, OP_MEMSET, &s);
        area_set(t, a, s.word, s.n,
                 (unsigned char)(random_below(&t->random, 2) * random_below(&t->random, 256)));
}

struct copying {
        char *to, *from;
        size_t len;
};

static void copy_bytes(void *arg)
{
        struct copying *c = arg;

        memcpy(c->to, c->from, c->len);
}

/* The shadow of a piece that is known throughout; false: it is not. */
static bool shadow_get(struct thread *t, const struct span *s)
{
        if (memchr(s->area->known + s->word, 0, s->n))
                return false;
        memcpy(t->values, s->area->shadow + s->word, s->n * 8);
        return true;
}

static bool two_pieces(struct thread *t, struct span *to, struct span *from, size_t most)
{
        *from = own_piece(t, any_area(t), most);
        *to = own_piece(t, writable_area(t), most);
        to->n = from->n = to->n < from->n ? to->n : from->n;
        if (to->area == from->area && to->word < from->word + from->n &&
            from->word < to->word + to->n)
                return false;
        return shadow_get(t, from);
}

static void do_memcpy(struct thread *t)
{
        struct span to, from;
        struct copying c;

        if (!two_pieces(t, &to, &from, RUN_WORDS))
                return;
        begin(t, OP_MEMCPY, &to);
        c = (struct copying){area_addr(to.area, to.word), area_addr(from.area, from.word),
                             to.n * 8};
        guarded(t, copy_bytes, &c);
        area_note(to.area, to.word, t->values, to.n);
        area_read(t, to.area, to.word, to.n);
}

/* ---- system calls -------------------------------------------------------------------------- */

/* The whole pages around a piece. */
static void pages_of(const struct span *s, char **addr, size_t *size)
{
        uintptr_t start = (uintptr_t)area_addr(s->area, s->word);
        uintptr_t end = (start + s->n * 8 + run.page_size - 1) & ~(run.page_size - 1);

        start &= ~(run.page_size - 1);
        *addr = (char *)start;
        *size = end - start;
}

static bool syscalls_may_fail(void)
{
        return store_is_flaky() || options.delivery == PG_DELIVERY_SIGNAL;
}

static void pin_for_syscall(const struct span *s, bool pin)
{
        char *addr;
        size_t size;

        if (options.delivery == PG_DELIVERY_THREAD)
                return;
        pages_of(s, &addr, &size);
        if (!pin || pg_pin(run.pool, addr, size) != 0)
                pg_unpin(run.pool, addr, size);
}

static void do_pipe(struct thread *t)
{
        struct span to, from;
        ssize_t sent, got = 0;
        size_t len;

        if (!two_pieces(t, &to, &from, SYSCALL_WORDS))
                return;
        begin(t, OP_PIPE, &to);
        len = to.n * 8;
        pin_for_syscall(&from, true);
        pin_for_syscall(&to, true);
        sent = write(t->pipe[1], area_addr(from.area, from.word), len);
        if (sent > 0)
                got = read(t->pipe[0], area_addr(to.area, to.word), (size_t)sent);
        pin_for_syscall(&from, false);
        pin_for_syscall(&to, false);
        op_end(t, got == (ssize_t)len ? 0 : -errno);
        if (got == (ssize_t)len) {
                area_note(to.area, to.word, t->values, to.n);
        } else {
                char rest[512];

                if (!syscalls_may_fail())
                        fail(t, "pipe: %zu bytes, written %zd, read %zd: %s", len, sent, got,
                             strerror(errno));
                while (read(t->pipe[0], rest, sizeof(rest)) > 0)
                        ;
                area_write(t, to.area, to.word, t->values, to.n);
        }
        area_read(t, to.area, to.word, to.n);
}

static void do_file_io(struct thread *t)
{
        struct span to, from;
        ssize_t put, got;
        size_t len;

        if (!two_pieces(t, &to, &from, SYSCALL_WORDS))
                return;
        begin(t, OP_FILE_IO, &to);
        len = to.n * 8;
        pin_for_syscall(&from, true);
        put = pwrite(t->file, area_addr(from.area, from.word), len, 0);
        pin_for_syscall(&from, false);
        if (put != (ssize_t)len && !syscalls_may_fail())
                fail(t, "pwrite of %zu bytes = %zd: %s", len, put, strerror(errno));
        if (put == (ssize_t)len) {
                uint64_t there[512];
                size_t n = to.n < 512 ? to.n : 512;

                if (pread(t->file, there, n * 8, 0) != (ssize_t)(n * 8))
                        fail(t, "pread into ordinary memory: %s", strerror(errno));
                area_check(t, from.area, from.word, there, n);
        } else if (pwrite(t->file, t->values, len, 0) != (ssize_t)len) {
                fail(t, "pwrite from ordinary memory: %s", strerror(errno));
        }
        pin_for_syscall(&to, true);
        got = pread(t->file, area_addr(to.area, to.word), len, 0);
        pin_for_syscall(&to, false);
        if (got != (ssize_t)len && !syscalls_may_fail())
                fail(t, "pread of %zu bytes = %zd: %s", len, got, strerror(errno));
        if (got == (ssize_t)len)
                area_note(to.area, to.word, t->values, to.n);
        else
                area_write(t, to.area, to.word, t->values, to.n);
        area_read(t, to.area, to.word, to.n);
}

/* ---- calls of the library ------------------------------------------------------------------ */

static struct span any_pages(struct thread *t)
{
        struct area *a = any_area(t);
        uint64_t first = random_below(&t->random, a->npages);
        size_t n = 1 + random_below(&t->random, 8);

        n = n < a->npages - first ? n : a->npages - first;
        return (struct span){a, first * a->page_words, n * a->page_words};
}

/* Any error may come from a store that fails; of the others only those that are meant to be. */
static int called(struct thread *t, const char *call, int result, int also)
{
        op_end(t, result);
        if (result < 0 && result != also && !store_is_flaky())
                fail(t, "%s = %d (%s)", call, result, strerror(-result));
        return result;
}

static void do_residency(struct thread *t, enum op op)
{
        struct span s = any_pages(t);
        char *addr = area_addr(s.area, s.word);
        size_t size = s.n * 8;

        begin(t, op, &s);
        if (op == OP_PAGE_IN)
                called(t, "pg_page_in", pg_page_in(run.pool, addr, size), 0);
        else if (op == OP_PAGE_OUT)
                called(t, "pg_page_out", pg_page_out(run.pool, addr, size), -EBUSY);
        else if (op == OP_PIN)
                called(t, "pg_pin", pg_pin(run.pool, addr, size), -ENOMEM);
        else if (op == OP_UNPIN)
                called(t, "pg_unpin", pg_unpin(run.pool, addr, size), 0);
        else
                called(t, "pg_advise",
                       pg_advise(run.pool, addr, size,
                                 (enum pg_advice)random_below(&t->random, PG_ADVICE_DISCARD)),
                       0);
}

/* Pins, looks (no access faults now, unless somebody unpins) and unpins. */
static void do_pinned_look(struct thread *t)
{
        struct span s = own_pages(t, writable_area(t), 2);
        char *addr = area_addr(s.area, s.word);
        int error;

        begin(t, OP_PIN, &s);
        error = called(t, "pg_pin", pg_pin(run.pool, addr, s.n * 8), -ENOMEM);
        area_read(t, s.area, s.word, s.n < RUN_WORDS ? s.n : RUN_WORDS);
        if (error == 0)
                called(t, "pg_unpin", pg_unpin(run.pool, addr, s.n * 8), 0);
}

/* Forgetting a page of a file that has it is no change; of others it is a change that is known. */
static void do_discard(struct thread *t)
{
        struct area *a = any_area(t);
        struct span s = own_pages(t, a, 1);
        char *addr = area_addr(a, s.word);

        begin(t, OP_DISCARD, &s);
        if (a->kind == AREA_SHARED && pg_sync(run.pool, addr, run.page_size) != 0)
                return;
        if (called(t, "pg_advise(DISCARD)",
                   pg_advise(run.pool, addr, run.page_size, PG_ADVICE_DISCARD), -EBUSY) == 0 &&
            a->kind < AREA_SHARED)
                area_note_born(a, s.word, s.n);
        area_read(t, a, s.word, s.n < RUN_WORDS ? s.n : RUN_WORDS);
}

static void do_sync(struct thread *t)
{
        struct area *a = random_below(&t->random, 4) ? &run.areas[AREA_SHARED] : any_area(t);
        struct span s = own_pages(t, a, 4);

        begin(t, OP_SYNC, &s);
        if (called(t, "pg_sync", pg_sync(run.pool, area_addr(a, s.word), s.n * 8), 0) == 0)
                area_check_store(t, a, s.word / a->page_words, s.n / a->page_words, true);
}

static void do_query(struct thread *t)
{
        struct span s = any_pages(t);
        pg_location location;
        int result;

        begin(t, OP_QUERY, &s);
        result = op_end(t, pg_location_query(run.pool, area_addr(s.area, s.word), &location));
        if (result < 0 || result > 1 || (result == 0 && location == PG_LOCATION_NONE))
                fail(t, "pg_location_query = %d, location %#llx", result,
                     (unsigned long long)location);
}

static void do_stats(struct thread *t)
{
        struct span s = own_pages(t, &run.areas[AREA_ANON], 1);
        struct pg_stats stats = {.size = sizeof(stats)}, *paged;
        struct pg_histogram histogram = {.size = sizeof(histogram)};
        struct pg_thread_stats mine = {.size = sizeof(mine)};
        int error;

        begin(t, OP_STATS, &s);
        called(t, "pg_stats_get", pg_stats_get(run.pool, &stats), 0);
        if (stats.frames_pinned > stats.frames_total)
                fail(t, "more frames are pinned than there are");
        called(t, "pg_histogram_get",
               pg_histogram_get(run.pool, (enum pg_histogram_kind)random_below(&t->random, 4),
                                &histogram),
               0);
        error = pg_thread_stats_get(run.pool, 0, &mine);
        if (error && error != -ENOENT && error != -ENOTSUP)
                fail(t, "pg_thread_stats_get = %d", error);
        pg_free_get(run.pool);
        if (store_is_flaky())
                return;
        paged = (struct pg_stats *)(void *)area_addr(s.area, s.word);
        paged->size = sizeof(*paged);
        called(t, "pg_stats_get into paged memory", pg_stats_get(run.pool, paged), 0);
        area_note(s.area, s.word, NULL, sizeof(stats) / 8);
        area_set(t, s.area, s.word, sizeof(stats) / 8, 0x5a);
}

/* ---- the mixture --------------------------------------------------------------------------- */

static void do_one(struct thread *t)
{
        static void (*const accesses[])(struct thread *) = {
                do_read_word, do_write_word, do_read_word, do_write_word, do_read_run,
                do_write_run, do_memset,     do_memcpy,    do_pipe,       do_file_io,
        };
        static const enum op moves[] = {OP_PAGE_IN, OP_PAGE_OUT, OP_PIN,
                                        OP_UNPIN,   OP_UNPIN,    OP_ADVISE};
        static void (*const calls[])(struct thread *) = {
                do_pinned_look, do_discard, do_sync, do_query, do_stats,
        };
        uint64_t dice = random_below(&t->random, 100);

        if (dice < 70)
                accesses[random_below(&t->random, sizeof(accesses) / sizeof(accesses[0]))](t);
        else if (dice < 85)
                do_residency(t, moves[random_below(&t->random, sizeof(moves) / sizeof(moves[0]))]);
        else
                calls[random_below(&t->random, sizeof(calls) / sizeof(calls[0]))](t);
}

void *worker_main(void *arg)
{
        struct thread *t = arg;

        thread_enter(t);
        if (pipe2(t->pipe, O_CLOEXEC | O_NONBLOCK) != 0)
                fail(t, "pipe2: %s", strerror(errno));
        t->file = memfd_create("stress-io", MFD_CLOEXEC);
        while (!atomic_load_explicit(&run.stop, memory_order_relaxed))
                do_one(t);
        close(t->pipe[0]);
        close(t->pipe[1]);
        close(t->file);
        thread_leave(t);
        return NULL;
}
