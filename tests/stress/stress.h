/* SPDX-License-Identifier: MIT */
/*
 * stress.h - what the files of the stress test share.
 *
 * Everything at once against an oracle. Each 8-byte word of each mapping belongs to one thread, and
 * an array in ordinary memory, the shadow, says what the word must hold; so no lock orders the
 * accesses, and threads meet on pages as they please:
 *
 *         pages [0, half)         fine: 64-byte chunk c belongs to thread c % nthreads
 *         pages [half, npages)    coarse: divided into one run of whole pages for each thread
 *
 * Contents of fine pages are shared by all threads; only whole pages of one thread can be discarded
 * or compared with the store. Calls that move pages without changing them go anywhere at any time.
 */
#ifndef STRESS_H
#define STRESS_H

#include "bench_util.h"

#include <setjmp.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <unpaged/policy.h>
#include <unpaged/store.h>
#include <unpaged/stores.h>
#include <unpaged/unpaged.h>

#define THREADS_MAX 64u
#define TOURISTS    2u
#define CHUNK_WORDS 8u
#define LAST_OPS    16u
#define IO_BYTES    8192u /* of one transfer of the chaos thread */
#define RUN_WORDS   8192u /* longest piece of memory one operation looks at, in words */

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED true
#else
#define SANITIZED false
#endif
/* ThreadSanitizer puts handlers of timers off, and runs them with SIGBUS blocked. */
#if defined(__SANITIZE_THREAD__)
#define ALARM_US 0
#else
#define ALARM_US 3000
#endif

/* ---- options.c ------------------------------------------------------------------------------- */

enum store_kind {
        STORE_ZRAM,
        STORE_ZSTD,
        STORE_FILE,
        STORE_TIERED,
        STORE_CAPPED, /* the same, in a pool that has a cap on all its memory */
        STORE_OWN,
        STORE_NOKEEP,
        STORE_FLAKY,
        STORE_KINDS
};

struct options {
        double seconds;
        unsigned threads;
        enum pg_delivery delivery;
        enum store_kind store;
        const char *policy;
        const char *trace;
        unsigned frames, pages, queue_pct;
        size_t page_size;
        bool strict, all, verbose;
        bool swaps; /* the kernel does: below what it would keep otherwise */
        uint64_t seed;
        const char *mask; /* UNPAGED_MASK_FEATURES */
        const char *program;
};

extern struct options options;

void options_parse(int argc, char **argv);
/* Another configuration, for --all. */
void options_shuffle(uint64_t *random);
/* The command that repeats this run. */
void options_print(void);
bool feature_is_masked(const char *feature);
/* The cap with which a pool has about this number of frames. */
size_t options_memory(unsigned frames);

/* ---- stores.c -------------------------------------------------------------------------------- */

/* Makes the two stores of a run: one to swap to, one whose content is mapped. */
struct pg_store *store_make_swap(void);
struct pg_store *store_make_data(uint64_t bytes);
/* A word of the content that a data store has at first. */
uint64_t data_word(uint64_t offset);
/* What the data store holds now, from behind the library's back. */
void data_peek(struct pg_store *store, uint64_t offset, void *buf, size_t len);
/* What it would hold after a crash, as far as it has promised: what came before a sync that
 * succeeded. A store forgets at a sync that fails what came before, as files do. */
void data_peek_synced(struct pg_store *store, uint64_t offset, void *buf, size_t len);
void stores_close(struct pg_store *swap, struct pg_store *data);

/* The flaky stores fail calls with these probabilities, in 1/1000; all 0: healed. */
void flaky_set(unsigned load, unsigned save, unsigned get, unsigned sync);
bool flaky_sync_failed(void);
bool store_is_flaky(void);

/* ---- area.c ---------------------------------------------------------------------------------- */

enum area_kind { AREA_ANON, AREA_UNINIT, AREA_PRIVATE, AREA_SHARED, AREA_READONLY, AREA_KINDS };

struct area {
        enum area_kind kind;
        const char *name;
        char *base;
        size_t npages, half;
        size_t page_words;
        uint64_t location, offset; /* of page 0, as token and in the data store */
        uint64_t *shadow;
        unsigned char *known; /* a byte for each word: the shadow holds */
};

struct run {
        struct pg_pool *pool;
        struct pg_store *swap, *data;
        struct area areas[AREA_KINDS];
        struct area lone;  /* of the chaos thread alone */
        struct area bells; /* of the signal handler alone */
        size_t page_size;
        unsigned nthreads;
        _Atomic bool stop;
};

extern struct run run;

enum op {
        OP_READ_WORD,
        OP_WRITE_WORD,
        OP_READ_RUN,
        OP_WRITE_RUN,
        OP_MEMSET,
        OP_MEMCPY,
        OP_PIPE,
        OP_FILE_IO,
        OP_PAGE_IN,
        OP_PAGE_OUT,
        OP_PIN,
        OP_UNPIN,
        OP_ADVISE,
        OP_DISCARD,
        OP_SYNC,
        OP_QUERY,
        OP_STATS,
        OP_RESIZE,
        OP_TOUR,
        OP_LOCKED,
        OP_ATTACH,
        OP_DIRECT,
        OP_URING,
        OP_FORK,
        OP_SICK,
        OP_KERNEL_SWAP,
        OP_LOCK_ALL,
        OP_USER,
        OP_REMOTE,
        OP_DROP,
        OP_ALARM,
        OP_HEAL,
        OP_KINDS
};

struct did {
        enum op op;
        const char *area;
        uint64_t page, pages;
        int result;
};

struct thread {
        const char *role;
        unsigned id; /* of a worker: which words are its own */
        pid_t tid;
        uint64_t random;
        struct did last[LAST_OPS];
        _Atomic uint64_t progress; /* operations begun */
        _Atomic uint64_t counts[OP_KINDS];
        sigjmp_buf jump, alarm_jump, segv_jump;
        volatile bool armed, alarm_armed, segv_armed;
        char *volatile fault_addr;
        uint64_t *values; /* RUN_WORDS of ordinary memory */
        int pipe[2], file;
        _Atomic bool in_use; /* the structure */
        _Atomic bool alive;  /* the thread: is to make progress */
};

extern __thread struct thread *self;

/* Notes what the thread is about to do, for reports; and what came of it. */
void op_begin(struct thread *t, enum op op, const struct area *a, uint64_t page, uint64_t pages);
int op_end(struct thread *t, int result);

bool area_map(struct area *a, enum area_kind kind, size_t npages, uint64_t offset);
/* Unmaps and frees it; where the content was shared, the store must have it then. */
void area_unmap(struct thread *t, struct area *a);

static inline size_t area_words(const struct area *a)
{
        return a->npages * a->page_words;
}

/* Accesses to paged memory, checked against the shadow or noted there. Poisoned pages are healed on
 * the way, where a store is flaky; otherwise they are a failure. */
void area_read(struct thread *t, struct area *a, uint64_t word, size_t n);
void area_write(struct thread *t, struct area *a, uint64_t word, const uint64_t *values, size_t n);
void area_set(struct thread *t, struct area *a, uint64_t word, size_t n, unsigned char byte);
/* Compares n words that were read elsewhere, and came from there. */
void area_check(struct thread *t, const struct area *a, uint64_t word, const uint64_t *found,
                size_t n);
/* The words hold these values from now on; NULL: nobody knows. */
void area_note(struct area *a, uint64_t word, const uint64_t *values, size_t n);
/* As born: zeros, what the data store has, or unknown. */
void area_note_born(struct area *a, uint64_t word, size_t n);
/* What the store has; synced: what it keeps. */
void area_check_store(struct thread *t, const struct area *a, uint64_t page, size_t npages,
                      bool synced);
/* Every word of it, by a thread that is alone. */
void area_sweep(struct thread *t, struct area *a);
char *area_addr(const struct area *a, uint64_t word);
/* Runs access(arg) until no poisoned page stops it. It must be repeatable. */
void guarded(struct thread *t, void (*access)(void *arg), void *arg);

/* ---- worker.c, chaos.c, outside.c, signals.c ------------------------------------------------- */

void *worker_main(void *thread);
void *chaos_main(void *thread);
void chaos_nap(long us);
/* Around a transfer into pages of the chaos thread, which are pinned for it in signal delivery. It
 * must bring io_word(0), io_word(1) and so on. io_begin: false if no transfer can be made here.
 * io_end: got is the number of bytes that came, or -errno. */
bool io_begin(struct thread *t, enum op op, char **addr);
void io_end(struct thread *t, ssize_t got);
uint64_t io_word(size_t i);

void outside_do(struct thread *t);

void signals_setup(void);
void alarm_start(void);
void alarm_stop(void);
/* After alarm_stop: no handler is running any more. */
void alarm_settle(void);
/* By the chaos thread: pages of the handler's that were poisoned are brought in again. */
void alarm_heal(struct thread *t);

/* A mapping that is read by tourists, and unmapped while they read. */
void *tourist_main(void *thread);
void tour_open(struct area *a);
/* From now on it may be gone at any moment; and: it is gone. */
void tour_closing(void);
void tour_gone(void);

/* ---- watch.c --------------------------------------------------------------------------------- */

struct thread *thread_new(const char *role, unsigned id);
void thread_enter(struct thread *t);
void thread_leave(struct thread *t);
void threads_forget(void);
void watch_start(void);
void watch_stop(void);
void report_counts(void);
/* Says what went wrong, with all that is known, and aborts. */
__attribute__((noreturn, format(printf, 2, 3))) void fail(struct thread *t, const char *format,
                                                          ...);

#endif
