/* SPDX-License-Identifier: MIT */
/* pager_section.h - around all that a call of the library does to pages. */
#ifndef PAGER_SECTION_H
#define PAGER_SECTION_H

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>

/* What a call of the library must leave as it was. */
struct pager_section {
        sigset_t signals;
        int error_number;
        int cancel_state;
};

/* All signals of the thread are blocked between the two (see futex_lock.h), and errno is kept.
 * Nor is the thread cancelled there, although calls that move content (pread, pwrite) are
 * cancellation points: it would end with pages and buffers that are its own. */
static inline void pager_section_enter(struct pager_section *caller)
{
        sigset_t all;

        caller->error_number = errno;
        pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &caller->cancel_state);
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &caller->signals);
}

static inline void pager_section_leave(const struct pager_section *caller)
{
        pthread_sigmask(SIG_SETMASK, &caller->signals, NULL);
        pthread_setcancelstate(caller->cancel_state, NULL);
        errno = caller->error_number;
}

#endif
