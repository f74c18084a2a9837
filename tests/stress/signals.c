/* SPDX-License-Identifier: MIT */
/*
 * signals.c - code of the program that meets the pager where it can least expect it: a timer's
 * handler that touches paged memory on whatever thread it interrupts, and tourists, threads that
 * read a mapping while it is unmapped under them.
 *
 * A handler cannot call the library, so a poisoned page it meets is left for the chaos thread. A
 * tourist may be told only the truth or SIGSEGV: a read that ended before pg_unmap returned must
 * have found what was written there. (Not so where a sanitizer, which maps memory of its own at any
 * moment, may have taken the addresses just before.)
 */
#include "stress.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

static struct {
        atomic_flag busy; /* the handler runs on one thread at a time */
        _Atomic bool sick;
        uint64_t random;
} bell = {.busy = ATOMIC_FLAG_INIT};

static struct {
        _Atomic(struct area *) area;            /* what is on show */
        _Atomic uint64_t opened, closing, gone; /* which one, counted from 1 */
        _Atomic unsigned visitors;
} tour;

/* ---- the timer's handler ------------------------------------------------------------------- */

static void bell_touch(struct thread *t)
{
        struct area *a = &run.bells;
        uint64_t w = random_next(&bell.random) % area_words(a);
        volatile uint64_t *p = (volatile uint64_t *)(void *)area_addr(a, w);
        uint64_t value = *p;

        if (value != a->shadow[w])
                fail(t, "a signal handler found %#llx at %p instead of %#llx",
                     (unsigned long long)value, (void *)(uintptr_t)p,
                     (unsigned long long)a->shadow[w]);
        value = random_next(&bell.random);
        if (value % 4 == 0)
                return;
        *p = value;
        a->shadow[w] = value;
}

static void on_alarm(int sig)
{
        struct thread *t = self;
        int saved_errno = errno;

        (void)sig;
        if (!t || atomic_load(&bell.sick) || atomic_flag_test_and_set(&bell.busy))
                return;
        atomic_fetch_add_explicit(&t->counts[OP_ALARM], 1, memory_order_relaxed);
        if (sigsetjmp(t->alarm_jump, 1) == 0) {
                t->alarm_armed = store_is_flaky();
                bell_touch(t);
        } else {
                atomic_store(&bell.sick, true);
        }
        t->alarm_armed = false;
        atomic_flag_clear(&bell.busy);
        errno = saved_errno;
}

void alarm_heal(struct thread *t)
{
        struct area *a = &run.bells;

        if (!atomic_load(&bell.sick))
                return;
        op_begin(t, OP_HEAL, a, 0, a->npages);
        if (op_end(t, pg_page_in(run.pool, a->base, a->npages * run.page_size)) == 0)
                atomic_store(&bell.sick, false);
}

void alarm_start(void)
{
        struct itimerval every = {{0, ALARM_US}, {0, ALARM_US}};

        bell.random = options.seed;
        atomic_store(&bell.sick, false);
        setitimer(ITIMER_REAL, &every, NULL);
}

void alarm_stop(void)
{
        struct itimerval never = {{0, 0}, {0, 0}};

        setitimer(ITIMER_REAL, &never, NULL);
}

void alarm_settle(void)
{
        while (atomic_flag_test_and_set(&bell.busy))
                nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
        atomic_flag_clear(&bell.busy);
}

/* ---- SIGBUS, SIGSEGV ----------------------------------------------------------------------- */

static void on_fault(int sig, siginfo_t *info, void *context)
{
        struct thread *t = self;

        (void)context;
        if (t && sig == SIGBUS) {
                t->fault_addr = info->si_addr;
                if (t->alarm_armed) {
                        t->alarm_armed = false;
                        siglongjmp(t->alarm_jump, 1);
                }
                if (t->segv_armed && store_is_flaky()) {
                        t->segv_armed = false;
                        siglongjmp(t->segv_jump, SIGBUS);
                }
                if (t->armed) {
                        t->armed = false;
                        siglongjmp(t->jump, 1);
                }
        }
        if (t && sig == SIGSEGV && t->segv_armed) {
                t->segv_armed = false;
                siglongjmp(t->segv_jump, SIGSEGV);
        }
        fail(t, "signal %d (code %d) at %p, where none is due", sig, info->si_code, info->si_addr);
}

void signals_setup(void)
{
        struct sigaction fault = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
        struct sigaction alarm_action = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};

        /* The timer's handler must be able to take a SIGBUS, so it cannot interrupt this one. */
        sigemptyset(&fault.sa_mask);
        sigaddset(&fault.sa_mask, SIGALRM);
        sigemptyset(&alarm_action.sa_mask);
        sigaction(SIGBUS, &fault, NULL);
        sigaction(SIGSEGV, &fault, NULL);
        sigaction(SIGALRM, &alarm_action, NULL);
}

/* ---- tourists ------------------------------------------------------------------------------ */

void tour_open(struct area *a)
{
        atomic_store(&tour.area, a);
        atomic_fetch_add(&tour.opened, 1);
}

void tour_closing(void)
{
        atomic_store(&tour.closing, atomic_load(&tour.opened));
}

void tour_gone(void)
{
        atomic_store(&tour.gone, atomic_load(&tour.opened));
        atomic_store(&tour.area, NULL);
        while (atomic_load(&tour.visitors) != 0)
                nanosleep(&(struct timespec){.tv_nsec = 10000}, NULL);
}

/* The number of the tour, while there is one. The area's shadow stays until the visit ends. */
static uint64_t visit_begin(struct area **a)
{
        uint64_t number;

        atomic_fetch_add(&tour.visitors, 1);
        number = atomic_load(&tour.opened);
        *a = atomic_load(&tour.area);
        if (*a && number > atomic_load(&tour.gone))
                return number;
        atomic_fetch_sub(&tour.visitors, 1);
        return 0;
}

/* The mapping may be gone and its address given to others: a race, and the purpose. */
__attribute__((noinline, no_sanitize("thread"))) static uint64_t look(const char *addr)
{
        return *(const volatile uint64_t *)(const void *)addr;
}

static void visit(struct thread *t, struct area *a, uint64_t number)
{
        uint64_t w = random_below(&t->random, area_words(a));
        uint64_t expected = a->shadow[w], found;
        int sig;

        op_begin(t, OP_READ_WORD, a, w / a->page_words, 1);
        sig = sigsetjmp(t->segv_jump, 1);
        if (sig == SIGSEGV) {
                if (atomic_load(&tour.closing) < number)
                        fail(t, "SIGSEGV in a mapping that is not being unmapped");
                return;
        }
        if (sig == SIGBUS)
                return;
        t->segv_armed = true;
        found = look(area_addr(a, w));
        t->segv_armed = false;
        if (SANITIZED && atomic_load(&tour.closing) >= number)
                return;
        if (found != expected && atomic_load(&tour.gone) < number)
                fail(t,
                     "a visitor of page %zu, while it was being unmapped: %d, found %#llx "
                     "instead of %#llx",
                     (size_t)(w / a->page_words), atomic_load(&tour.closing) == number,
                     (unsigned long long)found, (unsigned long long)expected);
}

void *tourist_main(void *arg)
{
        struct thread *t = arg;
        struct area *a;

        thread_enter(t);
        while (!atomic_load(&run.stop)) {
                uint64_t number = visit_begin(&a);

                if (number == 0) {
                        op_begin(t, OP_STATS, NULL, 0, 0);
                        nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
                        continue;
                }
                visit(t, a, number);
                atomic_fetch_sub(&tour.visitors, 1);
        }
        thread_leave(t);
        return NULL;
}
