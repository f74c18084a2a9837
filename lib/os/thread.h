/* SPDX-License-Identifier: MIT */
/* thread.h - the pager's own threads, unknown to the C library and to debuggers. See thread.c. */
#ifndef THREAD_H
#define THREAD_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct thread {
        void (*run)(void *arg);
        void *arg;
        char *memory; /* its stack, and above that its thread-local storage */
        size_t bytes;
        char *stack;          /* where the stack begins, growing down */
        void *pointer;        /* its thread pointer */
        _Atomic uint32_t tid; /* 0: it does not run. Cleared and woken by the kernel at its end */
        pthread_t known;      /* under a sanitizer, which must know every thread */
};

/* Starts run(arg) with the signal mask of the caller. 0 or -errno. */
int thread_start(struct thread *t, void (*run)(void *arg), void *arg);
/* The same thread once more, in a child of fork, where it is no more. Allocates nothing. */
int thread_restart(struct thread *t);
/* Waits for its end and frees it. */
void thread_join(struct thread *t);

/* The CPU time of all of these threads since the process began, in nanoseconds. Takes no lock. */
uint64_t threads_cpu_ns(void);
/* Is it one of them, and runs? */
bool thread_is_ours(pid_t tid);
/* In a child of fork, before the first thread_restart(): there are none yet, and never were. */
void threads_forget(void);

#endif
