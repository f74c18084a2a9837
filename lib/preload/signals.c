/* SPDX-License-Identifier: MIT */
/*
 * signals.c - sigaction and signal: the C library's, unless SIGBUS is how faults are delivered.
 * Then they are the pager's (see lib/delivery/sigbus.c), whose names are changed to these.
 */
#include "preload.h"

#include <signal.h>

extern int __sigaction(int sig, const struct sigaction *act, struct sigaction *old);
int pager_sigaction(int sig, const struct sigaction *act, struct sigaction *old);
__sighandler_t pager_signal(int sig, __sighandler_t handler);

EXPORT int sigaction(int sig, const struct sigaction *act, struct sigaction *old)
{
        if (is_active() && preload.signal_delivery)
                return pager_sigaction(sig, act, old);
        return __sigaction(sig, act, old);
}

EXPORT __sighandler_t signal(int sig, __sighandler_t handler)
{
        if (is_active() && preload.signal_delivery && sig == SIGBUS)
                return pager_signal(sig, handler);
        return ssignal(sig, handler); /* the same function under another name */
}
