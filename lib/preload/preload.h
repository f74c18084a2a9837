/* SPDX-License-Identifier: MIT */
/* preload.h - what the files of the preloaded library share. */
#ifndef PRELOAD_H
#define PRELOAD_H

#include "kernel_page.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <unpaged/unpaged.h>

/* Names that the program, or this library's heap, finds instead of the C library's. */
#define EXPORT __attribute__((visibility("default")))

/* Set once, before `active` is, and only read from then on. */
struct preload {
        struct pg_pool *pool;
        uintptr_t start, end; /* the arena */
        uintptr_t heap_end;   /* up to here from start: for brk */
        size_t granule;       /* the pool's page size */
        size_t budget;        /* with which it began: see budget_of() */
        bool signal_delivery;
        bool swap_is_far;    /* what waits for it waits for a disk */
        _Atomic bool active; /* the interposers do more than to call the kernel */
        const char *name;    /* the program's, as in argv[0] */
        pid_t pid;           /* of the process the pool belongs to: a child of vfork is another */
};

extern struct preload preload;

struct settings;

static inline bool is_active(void)
{
        return atomic_load_explicit(&preload.active, memory_order_acquire);
}

/* Does [addr, addr + len) touch the arena? */
static inline bool touches_arena(const void *addr, size_t len)
{
        uintptr_t start = (uintptr_t)addr;

        return start < preload.end && (start >= preload.start || preload.start - start < len);
}

static inline bool is_in_arena(uintptr_t addr)
{
        return addr - preload.start < preload.end - preload.start;
}

static inline size_t page_up(size_t size)
{
        return (size + KERNEL_PAGE_SIZE - 1) & ~(KERNEL_PAGE_SIZE - 1);
}

/* What a call of the C library answers for what one of ours does: 0, or -errno. */
int to_errno(int error);

/* fork.c: before anybody else's */
void fork_register(void);

/* start.c: what the constructor does, for what cannot wait for it */
void preload_begin(void);

/* limits.c: the most address space that an arena may have; what stands against a reservation that
 * the kernel refused, NULL: unknown */
size_t arena_limit(void);
const char *limit_words(void);
#define ARENA_MOST  ((size_t)16 << 40)
#define ARENA_LEAST ((size_t)16 << 30)

/* heap.c: finds the other heaps, then leaves malloc to them; gives it to ours, where the C
 * library's would have it; keeps ours asleep, until one of these two */
void heap_init(void);
void heap_leave(void);
void heap_take(void);
void heap_wait(void);
/* What the C library's function of that name is to be in a process that is paged; NULL: no matter
 * of the heap. */
const void *heap_instead_of(const char *name);
/* What is allocated between the two, before the pool is open and hence unpaged for good, shares no
 * memory with what the program will allocate. */
unsigned heap_set_aside(void);
void heap_go_on(unsigned before);

/* exec.c */
void exec_init(void);

/* threads.c */
void threads_init(void);

/* trace.c */
const char *trace_open(const char *path, const char *old); /* the pool's; NULL: none */
void trace_give_up(int error);                             /* it cannot be written */
void trace_settle(void); /* the pool has made it, or is not there */
void trace_write(void);  /* what is in memory still; when the process ends */

/* curve.c */
#define CURVE_PAGES 4096u /* that a process's curve follows; of more a sample */
uint32_t curve_open(const char *path, const char *old); /* what it is to follow; 0: none */
void curve_restart(void);                               /* in a child of fork */
/* By the thread that ends the process, before anything is told: measures, for some milliseconds. */
void curve_settle(void);
void curve_again(void);     /* it has not ended after all */
void curve_write(void);     /* as a process ends */
void curve_hand_over(void); /* its file is that of the program it executes */
/* How much memory would have been; false: no curve, or it cannot be told. */
bool curve_sufficient(uint64_t *bytes);

/* sample.c */
uint32_t sample_open(const struct settings *s); /* one fault in so many is sampled; 0: none */
void sample_restart(void);                      /* in a child of fork */
void sample_write(void);                        /* as a process ends */
void sample_hand_over(void);                    /* its file is that of the program it executes */

/* progress.c: says where the budget is too small to get anything done */
void progress_watch(void);
void progress_restart(void); /* in a child of fork */

/* stats.c */
struct pg_stats;
uint64_t budget_of(const struct pg_stats *s); /* as it is now: others may change it */
uint64_t stats_wall_ns(void);                 /* that the process has run */
uint64_t stats_cpu_before_ns(void); /* CPU time that it had taken before: as another program */
void stats_run(const struct settings *s); /* before the pool is opened: which run it belongs to */
void stats_open(const struct settings *s);
void stats_begin_again(void);        /* in a child of fork */
void stats_again(void);              /* it goes on after all */
bool stats_is_first(void);           /* it is to write the report of the run, paged or not */
void stats_reason(const char *line); /* why an access has failed; async-signal-safe */

/* stats.c: what is told when a process ends; when it executes another program. By one thread at a
 * time, and with all signals blocked. */
void process_ends(void);
void process_ends_by_signal(void); /* from a signal handler, on any stack */
void process_executes(bool last);  /* a program without this library */

/* signals.c: quick_exit(), and signals that end the process, first write what is told then */
void end_orderly(void);

#endif
