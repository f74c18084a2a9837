/* SPDX-License-Identifier: MIT */
/* dispatch.h - how faults reach fault.c: by a handler thread, or by SIGBUS. */
#ifndef DELIVERY_H
#define DELIVERY_H

#include "pool.h"

/* handler_thread.c: starts and stops the threads that serve a pool's faults. 0 or -errno. */
int delivery_thread_start(struct pg_pool *pool);
/* In a child of fork, with the userfaultfd opened anew. */
int delivery_thread_restart(struct pg_pool *pool);
void delivery_thread_stop(struct pg_pool *pool);

/* sigbus.c: installs the process-wide SIGBUS handler, once. 0 or -errno. */
int delivery_signal_start(void);

/* In a child of fork: whoever was changing the program's handler is not here. */
void delivery_signal_child(void);

/* One fault on behalf of thread tid, timed and counted. */
enum fault_end delivery_fault(struct region *r, uintptr_t addr, bool write, pid_t tid);

#endif
