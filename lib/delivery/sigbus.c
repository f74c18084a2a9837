/* SPDX-License-Identifier: MIT */
/*
 * sigbus.c - faults by SIGBUS, on the thread that touched the page.
 *
 * The fastest way: no other thread is woken. The handler runs with every signal blocked, on the
 * thread's alternate stack where it has one, and touches neither malloc nor stdio.
 *
 * SIGBUS is the process's, not ours. A SIGBUS that is not a fault of a pool, or for which the page
 * cannot be had, goes to the handler the program has: the one before ours, or the one it installs
 * later. For the latter the library interposes sigaction() and signal(): while ours is installed,
 * they read and write the program's disposition and leave the kernel's alone. The program's handler
 * is called with the mask and the arguments the kernel would have given it.
 */
#include "dispatch.h"
#include "fault.h"
#include "futex_lock.h"
#include "mapping.h"
#include "move_context.h"
#include "page.h"
#include "pager_section.h"
#include "pool.h"
#include "resize.h"
#include "stats.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <ucontext.h>

typedef int sigaction_fn(int, const struct sigaction *, struct sigaction *);

static struct {
        struct lock lock; /* of the two below, for changes; signals are blocked meanwhile */
        struct sigaction theirs;
        _Atomic uint32_t sequence; /* odd while theirs is being changed */
        _Atomic bool installed;
} chain = {.lock = LOCK_INIT(LOCK_TABLES)};

static sigaction_fn *real_sigaction(void)
{
        static _Atomic(sigaction_fn *) real;
        sigaction_fn *found = atomic_load_explicit(&real, memory_order_acquire);

        if (!found) {
                found = (sigaction_fn *)dlsym(RTLD_NEXT, "sigaction");
                atomic_store_explicit(&real, found, memory_order_release);
        }
        return found;
}

/* ---- the program's own handler ------------------------------------------------------------- */

static struct sigaction chain_read(void)
{
        struct sigaction copy;
        uint32_t before;

        do {
                before = atomic_load_explicit(&chain.sequence, memory_order_acquire);
                memcpy(&copy, &chain.theirs, sizeof(copy));
                atomic_thread_fence(memory_order_acquire);
        } while (before & 1 ||
                 before != atomic_load_explicit(&chain.sequence, memory_order_relaxed));
        return copy;
}

static void chain_write(const struct sigaction *act)
{
        lock_take(&chain.lock);
        atomic_fetch_add_explicit(&chain.sequence, 1, memory_order_relaxed);
        atomic_thread_fence(memory_order_release);
        memcpy(&chain.theirs, act, sizeof(*act));
        atomic_fetch_add_explicit(&chain.sequence, 1, memory_order_release);
        lock_drop(&chain.lock);
}

static void chain_call(int sig, siginfo_t *info, void *context)
{
        struct sigaction theirs = chain_read();
        sigset_t mask = ((ucontext_t *)context)->uc_sigmask;

        if (!(theirs.sa_flags & SA_SIGINFO) &&
            (theirs.sa_handler == SIG_DFL || theirs.sa_handler == SIG_IGN)) {
                struct sigaction fatal = {.sa_handler = SIG_DFL};

                if (theirs.sa_handler == SIG_IGN && info->si_code <= 0)
                        return;
                /* Sent again, and pending until this handler returns, it ends the process. */
                real_sigaction()(SIGBUS, &fatal, NULL);
                raise(SIGBUS);
                return;
        }
        if ((unsigned)theirs.sa_flags & SA_RESETHAND) {
                struct sigaction once = theirs;

                once.sa_handler = SIG_DFL;
                once.sa_flags &= ~(int)SA_SIGINFO;
                chain_write(&once);
        }
        sigorset(&mask, &mask, &theirs.sa_mask);
        if (!(theirs.sa_flags & SA_NODEFER))
                sigaddset(&mask, SIGBUS);
        pthread_sigmask(SIG_SETMASK, &mask, NULL);
        if (theirs.sa_flags & SA_SIGINFO)
                theirs.sa_sigaction(sig, info, context);
        else
                theirs.sa_handler(sig);
}

__attribute__((visibility("default"))) int sigaction(int sig, const struct sigaction *restrict act,
                                                     struct sigaction *restrict old)
{
        struct sigaction before;

        if (sig != SIGBUS || !atomic_load_explicit(&chain.installed, memory_order_acquire))
                return real_sigaction()(sig, act, old);
        before = chain_read();
        if (act) {
                struct pager_section caller;

                pager_section_enter(&caller);
                chain_write(act);
                pager_section_leave(&caller);
        }
        if (old)
                *old = before;
        return 0;
}

__attribute__((visibility("default"))) sighandler_t signal(int sig, sighandler_t handler)
{
        struct sigaction act = {.sa_handler = handler, .sa_flags = SA_RESTART};
        struct sigaction old;

        sigaddset(&act.sa_mask, sig);
        return sigaction(sig, &act, &old) == 0 ? old.sa_handler : SIG_ERR;
}

/* ---- ours ---------------------------------------------------------------------------------- */

/* Did the access want to write? */
static bool wants_to_write(const ucontext_t *context)
{
#if defined(__x86_64__)
        return context->uc_mcontext.gregs[REG_ERR] & 2;
#elif defined(__aarch64__)
        const struct _aarch64_ctx *ctx = (const void *)context->uc_mcontext.__reserved;

        for (; ctx->magic != 0; ctx = (const void *)((const char *)ctx + ctx->size))
                if (ctx->magic == ESR_MAGIC)
                        return ((const struct esr_context *)(const void *)ctx)->esr >> 6 & 1;
        return false;
#else
#error "which bit of the context tells a write from a read on this machine?"
#endif
}

/* The address is in no mapping. It may have been in one when the access faulted, and pg_unmap was
 * quicker than we: then the access must be tried again, and gets SIGSEGV. If it faults again,
 * and no mapping has come or gone since this thread was here last, it never was ours. */
static bool may_have_gone(void)
{
        static __thread uint32_t last = 1; /* odd: no version that lasts */
        uint32_t version = mapping_index_version();
        bool changed = version != last;

        last = version;
        return changed;
}

/* True: the access may be tried again. False: it is not ours, or it must fail. */
static bool serve_sigbus(uintptr_t addr, const ucontext_t *context)
{
        static const struct timespec pause = {.tv_nsec = 20000};
        bool write = wants_to_write(context);

        for (;;) {
                bool dying;
                struct mapping *m = mapping_get(addr, &dying);
                enum fault_end end;

                if (!m && !dying)
                        return may_have_gone();
                if (!m) {
                        mapping_wait_settled(addr);
                        continue;
                }
                if (m->pool->delivery != PG_DELIVERY_SIGNAL || m->pool->is_orphan) {
                        mapping_put(m);
                        return false;
                }
                end = dispatch_fault(m, addr, write, stats_self(), context);
                if (end == FAULT_BUSY)
                        page_wait(mapping_word(m, mapping_page(m, addr)));
                if (end == FAULT_DONE && !m->pool->resizer && resize_is_asked(m->pool))
                        resize_answer(m->pool, NULL);
                mapping_put(m);
                if (end == FAULT_LATER)
                        nanosleep(&pause, NULL);
                if (end == FAULT_DONE || end == FAULT_POISONED)
                        return end == FAULT_DONE;
        }
}

/* A cancellation that was asked for waits until the access is over: it is no cancellation point,
 * although what it takes to serve it (pread, pwrite) is. */
static void on_sigbus(int sig, siginfo_t *info, void *context)
{
        int saved_errno = errno, cancel_state;
        bool ours;

        pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state);
        ours = info->si_code > 0 && serve_sigbus((uintptr_t)info->si_addr, context);
        pthread_setcancelstate(cancel_state, NULL);
        if (!ours)
                chain_call(sig, info, context);
        errno = saved_errno;
}

static pthread_mutex_t starting = PTHREAD_MUTEX_INITIALIZER;

void sigbus_handler_child(void)
{
        uint32_t sequence = atomic_load(&chain.sequence);

        futex_lock_reset(&chain.lock.futex);
        atomic_store(&chain.sequence, sequence + (sequence & 1));
        pthread_mutex_init(&starting, NULL);
}

int sigbus_handler_install(void)
{
        struct sigaction ours = {.sa_sigaction = on_sigbus, .sa_flags = SA_SIGINFO | SA_ONSTACK};
        struct sigaction theirs;
        struct pager_section caller;
        int error = 0;

        sigfillset(&ours.sa_mask);
        pthread_mutex_lock(&starting);
        pager_section_enter(&caller);
        if (!atomic_load(&chain.installed)) {
                error = real_sigaction()(SIGBUS, NULL, &theirs) ? -errno : 0;
                if (!error) {
                        chain_write(&theirs);
                        error = real_sigaction()(SIGBUS, &ours, NULL) ? -errno : 0;
                }
                atomic_store_explicit(&chain.installed, !error, memory_order_release);
        }
        pager_section_leave(&caller);
        pthread_mutex_unlock(&starting);
        return error;
}
