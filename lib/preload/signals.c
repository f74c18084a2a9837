/* SPDX-License-Identifier: MIT */
/*
 * signals.c - sigaction, signal and their relatives: the C library's, but for two things.
 *
 * SIGBUS, where it is how faults are delivered, is the pager's (see lib/delivery/sigbus.c, whose
 * sigaction and signal are renamed).
 *
 * And a signal that would end the program where it stands, as SIGTERM does, would also lose its
 * statistics, its curve and the rest of its trace. So where one of them was asked for, these
 * signals have a handler of ours instead of SIG_DFL, which writes and then ends the process by the
 * same signal. The kernel alone knows which of the two is in place: the calls here turn SIG_DFL
 * into our handler on its way in, and back on its way out. A handler of the program's own, or
 * SIG_IGN, then simply replaces ours; a child inherits it, and exec resets it. Signals that are
 * ignored at the start, as by nohup(1), stay so. A program that takes a signal by sigwait(3) has it
 * blocked.
 *
 * Our handler may interrupt anything but code that holds a lock of the pager's or of this library,
 * for all signals are blocked there. What it calls needs no other lock, and it leaves a stack that
 * may be small or paged. Process 1 of a container is spared by signals without a handler, and must
 * stay so.
 */
#include "alt_stack.h"
#include "preload.h"
#include "real_syscalls.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

extern int __sigaction(int sig, const struct sigaction *act, struct sigaction *old);
int pager_sigaction(int sig, const struct sigaction *act, struct sigaction *old);
__sighandler_t pager_signal(int sig, __sighandler_t handler);
__sighandler_t bsd_signal(int sig, __sighandler_t handler);

/* ---- signals that end the process ----------------------------------------------------------- */

static const int endings[] = {SIGHUP, SIGINT, SIGPIPE, SIGALRM, SIGTERM};

#define ENDINGS (sizeof(endings) / sizeof(endings[0]))

static bool endings_are_ours;

static void end_by_signal(int sig)
{
        struct sigaction plain = {.sa_handler = SIG_DFL};
        int saved = errno;

        process_ends_by_signal();
        __sigaction(sig, &plain, NULL);
        syscall(SYS_tgkill, real_getpid(), syscall(SYS_gettid), sig);
        errno = saved; /* it is pending until this handler returns */
}

static bool is_ending(int sig)
{
        for (size_t i = 0; i < ENDINGS; i++)
                if (endings[i] == sig)
                        return endings_are_ours;
        return false;
}

static int ending_sigaction(int sig, const struct sigaction *act, struct sigaction *old)
{
        struct sigaction ours;
        int result;

        if (act && act->sa_handler == SIG_DFL && is_ending(sig)) {
                ours = *act;
                ours.sa_handler = end_by_signal;
                act = &ours;
        }
        result = __sigaction(sig, act, old);
        if (result == 0 && old && old->sa_handler == end_by_signal)
                old->sa_handler = SIG_DFL;
        return result;
}

void end_orderly(void)
{
        struct sigaction now;

        at_quick_exit(process_ends);
        if (real_getpid() == 1)
                return;
        endings_are_ours = true;
        for (size_t i = 0; i < ENDINGS; i++)
                if (__sigaction(endings[i], NULL, &now) == 0 && now.sa_handler == SIG_DFL)
                        ending_sigaction(endings[i], &now, NULL);
}

/* ---- what the program calls ----------------------------------------------------------------- */

EXPORT int sigaction(int sig, const struct sigaction *act, struct sigaction *old)
{
        if (sig == SIGBUS && is_active() && preload.signal_delivery)
                return pager_sigaction(sig, act, old);
        return ending_sigaction(sig, act, old);
}

EXPORT __sighandler_t signal(int sig, __sighandler_t handler)
{
        __sighandler_t before;

        if (sig == SIGBUS && is_active() && preload.signal_delivery)
                return pager_signal(sig, handler);
        if (handler == SIG_DFL && is_ending(sig))
                handler = end_by_signal;
        before = ssignal(sig, handler); /* the same function under another name */
        return before == end_by_signal ? SIG_DFL : before;
}

EXPORT __sighandler_t bsd_signal(int sig, __sighandler_t handler)
{
        return signal(sig, handler);
}

/* What signal() is in programs that are compiled for System V or for plain POSIX. */
EXPORT __sighandler_t __sysv_signal(int sig, __sighandler_t handler)
{
        struct sigaction act = {.sa_handler = handler, .sa_flags = (int)SA_RESETHAND | SA_NODEFER};
        struct sigaction old;

        if (handler == SIG_ERR) {
                errno = EINVAL;
                return SIG_ERR;
        }
        return sigaction(sig, &act, &old) == 0 ? old.sa_handler : SIG_ERR;
}

EXPORT __sighandler_t sysv_signal(int sig, __sighandler_t handler)
{
        return __sysv_signal(sig, handler);
}
