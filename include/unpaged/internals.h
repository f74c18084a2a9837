/* SPDX-License-Identifier: MIT */
/*
 * internals.h - for programs that stand between another program and the library: interposers, as
 * lib/preload is one, allocators, and tests. Applications need none of it.
 *
 * UNPAGED_MASK_FEATURES. This variable of the environment is a comma-separated list of words, read
 * when a pool or a store is opened; a process with privileges of its file (AT_SECURE) has none. It
 * exists to test, on one machine, what happens on others.
 *  - move, poison, thread_id, presence: hide features of the kernel's userfaultfd and page tables
 *  - uring: the file store does not use io_uring
 *  - readahead, predict: switch off readahead, and predictions of which pages will be written to
 *  - near: clean pages that a near store has (see store.h) wait in the victim queue like others
 *  - fdinfo: handler threads do not look into /proc for threads that wait
 */
#ifndef UNPAGED_INTERNALS_H
#define UNPAGED_INTERNALS_H

#include <unpaged/attributes.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Registers what PG_POOL_INHERIT needs at fork(2) now, instead of with the first such pool. Order
 * matters (pthread_atfork(3)): code that holds locks across a fork, and may touch paged memory or
 * call the library while it holds them, as a malloc does, must register after this. 0 or -ENOMEM.
 */
int pg_fork_handlers(void) PG_MUST_CHECK;

/*
 * The descriptors that the library and its stores have open, at most `most` of them into fds, for
 * programs that close what they did not open: closing one of these loses paged memory (unpaged.h
 * says what that means). Returns how many there are. They have high numbers where RLIMIT_NOFILE
 * allows, and change in a child of fork. Async-signal-safe.
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

/* In a child of fork, which does not have the thread: run(arg) begins once more. 0, also if there
 * never was one; or what clone(2) says. Allocates nothing. */
int pg_thread_restart(void) PG_MUST_CHECK;

#ifdef __cplusplus
}
#endif

#endif
