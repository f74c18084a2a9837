/* SPDX-License-Identifier: MIT */
/* side_thread.c - a thread of the pager's kind for an interposer: see unpaged/internals.h. */
#include "side_thread.h"
#include "credentials.h"
#include "futex_lock.h"
#include "pager_section.h"
#include "thread.h"

#include <unistd.h>
#include <unpaged/internals.h>

static struct {
        struct thread thread;
        void (*run)(void *arg);
        _Atomic pid_t pid; /* of the process in which it runs; 0: it has ended */
        pid_t tid;
        struct credentials_call call;
} side;

/* One that calls when it ends sees it end, or gets its answer here. */
static void run_side(void *arg)
{
        side.tid = gettid();
        side.run(arg);
        atomic_store(&side.pid, 0);
        atomic_store(&side.call.behind, 0);
        futex_wake(&side.call.behind, INT32_MAX);
}

static int begun(int error)
{
        if (error)
                atomic_store(&side.pid, 0);
        return error;
}

int pg_thread_start(void (*run)(void *arg), void *arg)
{
        struct pager_section caller;
        int error;

        if (side.run)
                return -EBUSY;
        error = pg_fork_handlers(); /* from now on calls that change credentials reach it */
        if (error)
                return error;
        side.run = run;
        atomic_store(&side.pid, getpid());
        pager_section_enter(&caller); /* the thread begins with the caller's mask */
        error = begun(thread_start(&side.thread, run_side, arg));
        pager_section_leave(&caller);
        if (error)
                side.run = NULL;
        return error;
}

int pg_thread_restart(void)
{
        struct pager_section caller;
        int error;

        if (!side.run)
                return 0;
        atomic_store(&side.call.behind, 0);
        atomic_store(&side.pid, getpid());
        pager_section_enter(&caller);
        error = begun(thread_restart(&side.thread));
        pager_section_leave(&caller);
        return error;
}

void pg_thread_sleep(uint64_t ns)
{
        uint64_t now, end = clock_now();

        end = ns > UINT64_MAX - end ? UINT64_MAX : end + ns;
        while ((now = clock_now()) < end) {
                credentials_answer(&side.call);
                futex_wait(&side.call.behind, 0, end - now);
        }
        credentials_answer(&side.call);
}

int pg_owns_thread(pid_t tid)
{
        return thread_is_ours(tid);
}

bool side_thread_runs(void)
{
        return atomic_load(&side.pid) == getpid();
}

bool side_thread_take_credentials(const struct credentials *to)
{
        if (!side_thread_runs() || gettid() == side.tid)
                return true;
        side.call.to = to;
        side.call.has_more = false;
        atomic_store(&side.call.behind, 1);
        futex_wake(&side.call.behind, 1);
        while (atomic_load(&side.call.behind) && side_thread_runs())
                futex_wait(&side.call.behind, 1, 10000000);
        return !side.call.has_more;
}
