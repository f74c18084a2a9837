/* SPDX-License-Identifier: MIT */
/*
 * chaos.c - one thread that changes the world under the others: the budget, mappings that come and
 * go, asynchronous I/O into paged memory, children, and stores that fail and heal.
 */
#include "stress.h"

#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <unpaged/statistics.h>

static int direct_fd = -1;

void chaos_nap(long us)
{
        nanosleep(&(struct timespec){.tv_nsec = us * 1000}, NULL);
}

/* ---- budget, mappings ---------------------------------------------------------------------- */

static void do_resize(struct thread *t)
{
        uint64_t frames = PG_FRAMES_MIN + random_below(&t->random, 2 * options.frames);
        int error;

        op_begin(t, OP_RESIZE, NULL, frames, 0);
        error = op_end(t, pg_resize(run.pool, options.store == STORE_CAPPED
                                                      ? options_memory((unsigned)frames)
                                                      : frames * run.page_size));
        if (error == -ENOSPC && options.store == STORE_CAPPED)
                return; /* the store's own tables need more */
        if (error && error != -ENOMEM && !store_is_flaky())
                fail(t, "pg_resize to %u frames: %s", (unsigned)frames, strerror(-error));
}

/* Maps, writes every page, lets the tourists in, and unmaps while they are there. */
static void do_tour(struct thread *t)
{
        static const enum area_kind kinds[] = {AREA_ANON, AREA_PRIVATE, AREA_SHARED};
        enum area_kind kind = kinds[random_below(&t->random, 3)];
        size_t npages = 1 + random_below(&t->random, 8);
        struct area a;

        op_begin(t, OP_TOUR, NULL, 0, npages);
        if (!area_map(&a, kind, npages, run.lone.offset))
                fail(t, "a mapping of %zu pages: %s", npages, strerror(errno));
        if (kind != AREA_ANON) /* earlier tours have been there */
                data_peek(run.data, a.offset, a.shadow, npages * run.page_size);
        for (size_t page = 0; page < npages; page++) {
                uint64_t values[CHUNK_WORDS];

                for (unsigned i = 0; i < CHUNK_WORDS; i++)
                        values[i] = random_next(&t->random);
                area_write(t, &a, page * a.page_words, values, CHUNK_WORDS);
        }
        if (kind == AREA_SHARED) { /* the store's content is part of the next such tour */
                area_unmap(t, &a);
                if (!area_map(&a, AREA_PRIVATE, npages, run.lone.offset))
                        fail(t, "a mapping of %zu pages: %s", npages, strerror(errno));
                data_peek(run.data, a.offset, a.shadow, npages * run.page_size);
        }
        tour_open(&a);
        chaos_nap((long)random_below(&t->random, 2000));
        tour_closing();
        if (pg_unmap(run.pool, a.base, npages * run.page_size) != 0)
                fail(t, "pg_unmap under the eyes of others");
        tour_gone();
        free(a.shadow);
        free(a.known);
}

static void do_locked(struct thread *t)
{
        size_t size = (1 + random_below(&t->random, 3)) * run.page_size;
        volatile char *p;

        op_begin(t, OP_LOCKED, NULL, 0, size / run.page_size);
        p = pg_map(run.pool, size, PG_MAP_LOCK);
        op_end(t, p ? 0 : -errno);
        if (!p && errno != ENOMEM && !store_is_flaky())
                fail(t, "a locked mapping: %s", strerror(errno));
        if (p && p[size - 1] != 0)
                fail(t, "a locked mapping is not zero");
        if (p && pg_unmap(run.pool, (char *)(uintptr_t)p, size) != 0)
                fail(t, "pg_unmap of a locked mapping");
}

/* A store that comes and goes. */
static void do_attach(struct thread *t)
{
        struct pg_zram_config config = {.size = sizeof(config)};
        struct pg_store *store;
        pg_location base;
        int error;

        op_begin(t, OP_ATTACH, NULL, 0, 0);
        if (pg_store_zram(&store, &config) != 0)
                fail(t, "pg_store_zram");
        error = pg_attach(run.pool, store, &base);
        if (error)
                fail(t, "pg_attach: %s", strerror(-error));
        if (pg_store_close(store) != -EBUSY)
                fail(t, "a store that is attached was closed");
        error = pg_detach(run.pool, store);
        if (error)
                fail(t, "pg_detach: %s", strerror(-error));
        if (pg_store_close(store) != 0)
                fail(t, "a store that is detached is still in use");
}

/* ---- asynchronous I/O ---------------------------------------------------------------------- */

/* A file with data_word content that can be read around the page cache; -1: not here. */
static int direct_open(void)
{
        const char *dir = getenv("TMPDIR");
        char path[256];
        uint64_t words[IO_BYTES / 8];
        int fd;

        snprintf(path, sizeof(path), "%s/stress-XXXXXX", dir ? dir : "/var/tmp");
        fd = mkstemp(path);
        if (fd < 0)
                return -1;
        for (size_t i = 0; i < IO_BYTES / 8; i++)
                words[i] = io_word(i);
        if (write(fd, words, IO_BYTES) != IO_BYTES || fsync(fd) != 0) {
                close(fd);
                fd = -1;
        } else {
                close(fd);
                fd = open(path, O_RDONLY | O_CLOEXEC | O_DIRECT);
        }
        unlink(path);
        return fd;
}

uint64_t io_word(size_t i)
{
        return data_word(1 << 14 | i * 8);
}

bool io_begin(struct thread *t, enum op op, char **addr)
{
        struct area *a = &run.lone;

        if (direct_fd < 0 || feature_is_masked("move"))
                return false;
        op_begin(t, op, a, 0, 1);
        *addr = area_addr(a, 0);
        area_note(a, 0, NULL, IO_BYTES / 8);
        area_set(t, a, 0, IO_BYTES / 8, 0x11);
        return options.delivery == PG_DELIVERY_THREAD ||
               pg_pin(run.pool, *addr, a->npages * run.page_size) == 0;
}

void io_end(struct thread *t, ssize_t got)
{
        struct area *a = &run.lone;

        op_end(t, got < 0 ? (int)got : 0);
        pg_unpin(run.pool, a->base, a->npages * run.page_size);
        if (got != IO_BYTES && !store_is_flaky())
                fail(t, "asynchronous read of %u bytes = %zd", IO_BYTES, got);
        if (got != IO_BYTES) {
                area_set(t, a, 0, IO_BYTES / 8, 0);
                return;
        }
        for (size_t i = 0; i < IO_BYTES / 8; i++) {
                uint64_t value = io_word(i);

                area_note(a, i, &value, 1);
        }
        area_read(t, a, 0, IO_BYTES / 8);
}

static void do_direct(struct thread *t)
{
        ssize_t got;
        char *addr;

        if (!io_begin(t, OP_DIRECT, &addr))
                return;
        got = pread(direct_fd, addr, IO_BYTES, 0);
        io_end(t, got < 0 ? -errno : got);
}

/* Into a registered buffer: the kernel has pinned it before, and writes without a fault. */
static void do_uring(struct thread *t)
{
        struct io_uring ring;
        struct io_uring_cqe *cqe;
        struct iovec buffer = {.iov_len = IO_BYTES};
        char *addr;
        ssize_t got = -EIO;
        int error;

        /* What is pinned here, beside what is pinned there, must leave something to page with. And
         * where the kernel swaps, what comes into a registered buffer is lost without us, too. */
        if (options.frames < 16 || options.swaps || !io_begin(t, OP_URING, &addr))
                return;
        buffer.iov_base = addr;
        if (io_uring_queue_init(2, &ring, 0) != 0) {
                io_end(t, pread(direct_fd, addr, IO_BYTES, 0));
                return;
        }
        error = io_uring_register_buffers(&ring, &buffer, 1);
        if (error == 0) {
                chaos_nap((long)random_below(&t->random, 1000));
                io_uring_prep_read_fixed(io_uring_get_sqe(&ring), direct_fd, addr, IO_BYTES, 0, 0);
                io_uring_submit(&ring);
                while (io_uring_wait_cqe(&ring, &cqe) == -EINTR)
                        ;
                got = cqe->res;
                io_uring_cqe_seen(&ring, cqe);
                io_uring_unregister_buffers(&ring);
        } else {
                got = pread(direct_fd, addr, IO_BYTES, 0);
        }
        io_uring_queue_exit(&ring);
        io_end(t, got);
}

/* ---- children, failing stores -------------------------------------------------------------- */

static void do_fork(struct thread *t)
{
        int status = 0;
        pid_t child;

        op_begin(t, OP_FORK, NULL, 0, 0);
        child = fork();
        if (child == 0) {
                struct pg_stats stats = {.size = sizeof(stats)};

                _exit(pg_stats_get(run.pool, &stats) == -ECHILD ? 0 : 1);
        }
        if (child < 0)
                return;
        while (waitpid(child, &status, 0) < 0 && errno == EINTR)
                ;
        if (status != 0)
                fail(t, "a child of fork ended with %#x", (unsigned)status);
}

/* Sick for a while, then well for a while. */
static void do_sick(struct thread *t)
{
        static const unsigned ills[][4] = {
                {20, 20, 20, 100}, {200, 200, 200, 300}, {0, 1000, 0, 0},  {0, 0, 1000, 0},
                {500, 0, 0, 0},    {1000, 0, 0, 0},      {0, 500, 0, 500}, {300, 300, 300, 0},
        };
        const unsigned *ill = ills[random_below(&t->random, sizeof(ills) / sizeof(ills[0]))];

        if (!store_is_flaky())
                return;
        op_begin(t, OP_SICK, NULL, 0, 0);
        flaky_set(ill[0], ill[1], ill[2], ill[3]);
        chaos_nap((long)random_below(&t->random, 50000));
        flaky_set(0, 0, 0, 0);
}

void *chaos_main(void *arg)
{
        static void (*const ops[])(struct thread *) = {
                do_resize, do_resize, do_tour, do_tour, do_tour,    do_locked,  do_attach,
                do_direct, do_uring,  do_fork, do_sick, outside_do, outside_do, outside_do,
        };
        struct thread *t = arg;

        thread_enter(t);
        direct_fd = direct_open();
        while (!atomic_load(&run.stop)) {
                ops[random_below(&t->random, sizeof(ops) / sizeof(ops[0]))](t);
                alarm_heal(t);
                chaos_nap((long)random_below(&t->random, 3000));
        }
        flaky_set(0, 0, 0, 0);
        if (direct_fd >= 0)
                close(direct_fd);
        direct_fd = -1;
        thread_leave(t);
        return NULL;
}
