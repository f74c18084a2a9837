/* SPDX-License-Identifier: MIT */
/* side_thread.c - a thread of the pager's kind for an interposer: see unpaged/internals.h. */
#include "pager_section.h"
#include "thread.h"

#include <unpaged/internals.h>

static struct thread side;

int pg_thread_start(void (*run)(void *arg), void *arg)
{
        struct pager_section caller;
        int error;

        if (side.run)
                return -EBUSY;
        pager_section_enter(&caller); /* the thread begins with the caller's mask */
        error = thread_start(&side, run, arg);
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
        pager_section_enter(&caller);
        error = thread_restart(&side);
        pager_section_leave(&caller);
        return error;
}
