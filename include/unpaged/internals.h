/* SPDX-License-Identifier: MIT */
/*
 * internals.h - for programs that stand between another program and the library: interposers, as
 * lib/preload is one, allocators, and tests. Applications need none of it.
 *
 * UNPAGED_MASK_FEATURES. This variable of the environment is a comma-separated list of words, read
 * when a pool or a store is opened; one of more than 255 bytes has no effect, and a process with
 * privileges of its file (AT_SECURE) has none. It exists to test, on one machine, what happens on
 * others.
 *  - move, poison, thread_id, presence: hide features of the kernel's userfaultfd and page tables
 *  - uring: the file store does not use io_uring
 *  - readahead, predict: switch off readahead, and predictions of which pages will be written to
 *  - near: clean pages that a near store has (see store.h) wait in the victim queue like others
 *  - fdinfo: handler threads do not look into /proc for threads that wait
 */
#ifndef UNPAGED_INTERNALS_H
#define UNPAGED_INTERNALS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <unpaged/attributes.h>
#include <unpaged/live.h>

#ifdef __cplusplus
extern "C" {
#endif

struct pg_pool;

/*
 * Registers what PG_POOL_INHERIT needs at fork(2) now, instead of with the first such pool. Order
 * matters (pthread_atfork(3)): code that holds locks across a fork, and may touch paged memory or
 * call the library while it holds them, as a malloc does, must register after this. 0 or -ENOMEM.
 */
int pg_fork_handlers(void) PG_MUST_CHECK;

/*
 * The descriptors that the library and its stores have open, at most `most` of them into fds.
 * Returns how many there are. They have high numbers where RLIMIT_NOFILE allows, and change in a
 * child of fork. Async-signal-safe.
 *
 * Code that closes what it does not know (close_range(2), closefrom(3), dup2(2) over a number) must
 * spare them. If the userfaultfd is closed all the same, by whatever way, or if a filter of system
 * calls (seccomp) denies ioctl(2), pages that are out are lost, and never read as zeros:
 *  - pg_config.out_of_room gets a line that says so, or standard error, where there is none.
 *  - Resident pages stay. An access to one that is out gets SIGBUS, and so does a write to one that
 *    is clean; in thread delivery all later accesses to that page as well. A filter that holds for
 *    one thread alone matters in thread delivery to its calls only, and in signal delivery to its
 *    accesses.
 *  - Calls answer -EBADF, or what the filter answers (often -EPERM), where they have to move pages;
 *    in thread delivery pg_unmap() and pg_close() do so always.
 *  - With a filter that holds for all threads (SECCOMP_FILTER_FLAG_TSYNC), in thread delivery, the
 *    SIGBUS is sent (its si_code is SI_TKILL), and a second later the process is aborted: threads
 *    of which the pager does not know may be waiting, and nothing could wake them. A call that
 *    changes credentials ends the process as well.
 *  - A file that gets the number of one of these descriptors may be read from, written to or asked
 *    by ioctl(2) before this is noticed. If it lets a thread of ours wait, a call that changes
 *    credentials ends the process after two seconds.
 * For this a pool has a thread, in signal delivery too (but see PG_POOL_SPARES_FDS). It holds the
 * userfaultfd by a table of descriptors of its own, which takes close_range(2) or unshare(2): a
 * filter must have denied neither before pg_open().
 */
int pg_fds(int *fds, int most);

/*
 * Starts run(arg) on a thread that neither the C library nor debuggers know, as the library's own
 * are: it blocks all signals, a tracer does not stop it, and a program that ends with its last
 * thread ends without it. It must not need what only threads of the C library have: thread-local
 * variables of libraries loaded later, cancellation. There is one in a process: -EBUSY if it was
 * started before; -ENOMEM, or what clone(2) says.
 */
int pg_thread_start(void (*run)(void *arg), void *arg) PG_MUST_CHECK;

/* Sleeps for ns nanoseconds. Only for the thread that pg_thread_start() started. While it sleeps,
 * it takes over the credentials that the program has changed (see unpaged.h), and the call that
 * changed them waits for this. So the thread must sleep often, or end. It must not open or close a
 * pool, or fork: those wait for that call. */
void pg_thread_sleep(uint64_t ns);

/* In a child of fork, which does not have the thread: run(arg) begins once more. 0, also if there
 * never was one; or what clone(2) says. Allocates nothing. */
int pg_thread_restart(void) PG_MUST_CHECK;

/* Where a thread was when it touched a page that had to come in: see pg_config.sample_every. */
struct pg_fault_sample {
        size_t size;       /* sizeof(struct pg_fault_sample) */
        uint64_t pc, sp;   /* its program counter and its stack pointer */
        uint64_t fp;       /* its frame pointer, in signal delivery; else 0 */
        uint64_t lr;       /* AArch64: its link register, in signal delivery; else 0 */
        bool has_fp;       /* fp (and lr) are known */
        pid_t tid;         /* the thread */
        const void *page;  /* the address that it touched, or its page if no more is known */
        const void *stack; /* a copy of its stack, from sp upwards, valid during the call */
        size_t stack_size; /* bytes of it: fewer where a page of it was out, or at its end */
};

/*
 * Calls each(arg, sample) for the samples that are there, at most 1024, and drops them: the next
 * call has later ones. *loads: how many faults had to load a page since the last call, estimated;
 * the samples are a random choice of these, so each stands for an equal share. A child of fork
 * begins without any. Samples take up to 17 MiB beside the budget.
 * Returns how many there were; -ENOENT: the pool takes none (in thread delivery it also takes none
 * where the kernel does not tell which thread has faulted); -ECHILD: it stayed with the parent.
 * Async-signal-safe; for one caller at a time.
 */
int pg_fault_samples(struct pg_pool *pool,
                     void (*each)(void *arg, const struct pg_fault_sample *sample), void *arg,
                     uint64_t *loads) PG_NONNULL(1, 2, 4);

/* Is this one of the pager's own threads? They are in /proc/self/task with the program's. Takes no
 * lock; async-signal-safe. */
int pg_owns_thread(pid_t tid);

/*
 * What other processes see of this one's pools (see live.h) says so from now on. PG_LIVE_CLOSED:
 * the process ends; exit(3) and pg_close() do that by themselves, _exit(2) does not.
 * PG_LIVE_EXECUTED: it is about to execute another program; PG_LIVE_RUNNING: that has failed. In a
 * child of vfork(2) it does nothing. Async-signal-safe.
 */
void pg_live_mark(enum pg_live_state state);

/*
 * Pools that are opened from now on say that this process belongs to a run (pg_live.run), which a
 * child of fork inherits. Before others can call the library.
 */
void pg_live_run(pid_t first, uint64_t start_ticks);

#ifdef __cplusplus
}
#endif

#endif
