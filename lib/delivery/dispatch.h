/* SPDX-License-Identifier: MIT */
/* dispatch.h - how faults reach fault.c: by a handler thread, or by SIGBUS. */
#ifndef DISPATCH_H
#define DISPATCH_H

#include <stdbool.h>
#include <sys/types.h>
#include "fault.h"

struct credentials;
struct mapping;
struct pg_pool;

/* handler_thread.c: starts and stops the threads that serve a pool's faults. 0 or -errno. */
int handler_threads_start(struct pg_pool *pool);
/* In a child of fork, with the userfaultfd opened anew; where there are any. */
int handler_threads_restart(struct pg_pool *pool);
void handler_threads_stop(struct pg_pool *pool);
/* All of them, if there are any, take over the caller's credentials, and have them when this
 * returns. For one caller at a time, of this process; none may start or stop the threads meanwhile.
 * False: a thread may do something now that the caller may not. */
bool handler_threads_take_credentials(struct pg_pool *pool, const struct credentials *to);

/* keeper.c: starts and stops the thread that holds a pool's userfaultfd. 0 or -errno. */
int keeper_start(struct pg_pool *pool);
/* In a child of fork, with the userfaultfd opened anew. */
int keeper_restart(struct pg_pool *pool);
void keeper_stop(struct pg_pool *pool);
/* The handler threads cannot serve faults any more, because of -errno. waiting: a thread that waits
 * for a page; or 0. */
void keeper_take_over(struct pg_pool *pool, int error, pid_t waiting);
/* They have done so. */
bool keeper_serves(const struct pg_pool *pool);
/* As handler_threads_take_credentials. */
bool keeper_take_credentials(struct pg_pool *pool, const struct credentials *to);

/* resizer.c: starts and stops the thread that changes a pool's budget for other processes. Where it
 * cannot be started, they cannot change it. */
void resizer_start(struct pg_pool *pool);
/* In a child of fork, with counters of its own. */
void resizer_restart(struct pg_pool *pool);
void resizer_stop(struct pg_pool *pool);
/* As handler_threads_take_credentials. */
bool resizer_take_credentials(struct pg_pool *pool, const struct credentials *to);

/* sigbus.c: installs the process-wide SIGBUS handler, once. 0 or -errno. */
int sigbus_handler_install(void);

/* In a child of fork: the thread that was changing the program's handler is not here. */
void sigbus_handler_child(void);

/* One fault on behalf of thread tid, timed and counted. context: in signal delivery the registers
 * of the thread, which is the caller; NULL: it is another one, and blocked. */
enum fault_end dispatch_fault(struct mapping *m, uintptr_t addr, bool write, pid_t tid,
                              const void *context);

#endif
