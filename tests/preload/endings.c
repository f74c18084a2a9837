/* SPDX-License-Identifier: MIT */
/*
 * endings.c - signals that end a program whose statistics, trace and curve are wanted: to the
 * program they look, and end it, as they do alone. That these are written: endings.sh.
 */
#include "case.h"

#include <pthread.h>
#include <signal.h>
#include <time.h>
#include <ucontext.h>

static const int endings[] = {SIGHUP, SIGINT, SIGPIPE, SIGALRM, SIGTERM};

#define ENDINGS (sizeof(endings) / sizeof(endings[0]))

static char *data;
static volatile sig_atomic_t caught;

static void own_fill(void)
{
        data = data_map(DATA);
        data_fill(data, DATA, 1);
}

static void catch (int signal)
{
        caught = signal;
}

/* ---- what the program sees ------------------------------------------------------------------ */

static const char *name_of(void (*handler)(int))
{
        return handler == SIG_DFL   ? "default"
               : handler == SIG_IGN ? "ignored"
               : handler == catch   ? "caught"
                                    : "something else";
}

static void show(const char *when)
{
        for (size_t i = 0; i < ENDINGS; i++) {
                struct sigaction now;

                must(sigaction(endings[i], NULL, &now) == 0);
                printf("%s: %d is %s, flags %x, mask %d\n", when, endings[i],
                       name_of(now.sa_handler), (unsigned)now.sa_flags & ~0x4000000u,
                       sigismember(&now.sa_mask, SIGUSR1));
        }
}

static int dispositions_are_the_programs(void)
{
        struct sigaction mine = {.sa_handler = SIG_DFL, .sa_flags = SA_RESTART}, old;

        own_fill();
        show("at first");
        sigaddset(&mine.sa_mask, SIGUSR1);
        for (size_t i = 0; i < ENDINGS; i++)
                must(sigaction(endings[i], &mine, NULL) == 0);
        show("set to the default");
        for (size_t i = 0; i < ENDINGS; i++) {
                printf("%s ", name_of(signal(endings[i], catch)));
                must(raise(endings[i]) == 0 && caught == endings[i]);
                printf("%s ", name_of(signal(endings[i], SIG_IGN)));
                must(raise(endings[i]) == 0);
                printf("%s ", name_of(signal(endings[i], SIG_DFL)));
                printf("%s ", name_of(sysv_signal(endings[i], catch)));
                must(raise(endings[i]) == 0 && caught == endings[i]);
                printf("%s\n", name_of(sysv_signal(endings[i], SIG_DFL)));
        }
        show("after signal()");
        mine.sa_handler = catch;
        must(sigaction(SIGTERM, &mine, &old) == 0);
        printf("%s before\n", name_of(old.sa_handler));
        must(sigaction(SIGTERM, &old, &mine) == 0);
        printf("%s then\n", name_of(mine.sa_handler));
        if (fork() == 0) {
                show("in a child");
                exit(0);
        }
        must(wait(NULL) > 0);
        return 0;
}

static int blocked_ones_wait(void)
{
        struct timespec soon = {.tv_sec = 10};
        sigset_t term, pending;

        own_fill();
        sigemptyset(&term);
        sigaddset(&term, SIGTERM);
        must(sigprocmask(SIG_BLOCK, &term, NULL) == 0);
        must(kill(getpid(), SIGTERM) == 0);
        evict_all();
        must(sigpending(&pending) == 0 && sigismember(&pending, SIGTERM));
        printf("%d taken\n", sigtimedwait(&term, NULL, &soon));
        must(data_wrong(data, DATA, 1) == 0);
        return 0;
}

/* ---- the end -------------------------------------------------------------------------------- */

static int children_end_by_each(void)
{
        own_fill();
        for (size_t i = 0; i < ENDINGS; i++) {
                pid_t child = fork();

                must(child >= 0);
                if (child == 0) {
                        must(data_wrong(data, DATA, 1) == 0);
                        raise(endings[i]);
                        _exit(1);
                }
                printf("%d\n", status_of(child));
        }
        return 0;
}

static int end_by(int signal)
{
        own_fill();
        evict_all();
        kill(getpid(), signal);
        pause();
        return 1;
}

static int ends_by_hup(void)
{
        return end_by(SIGHUP);
}

static int ends_by_int(void)
{
        return end_by(SIGINT);
}

static int ends_by_pipe(void)
{
        return end_by(SIGPIPE);
}

static int ends_by_alrm(void)
{
        return end_by(SIGALRM);
}

static int ends_by_term(void)
{
        return end_by(SIGTERM);
}

static void *end_here(void *arg)
{
        (void)arg;
        raise(SIGTERM);
        return NULL;
}

static int ends_on_a_small_stack(void)
{
        pthread_attr_t attr;
        pthread_t thread;

        own_fill();
        evict_all();
        must(pthread_attr_init(&attr) == 0);
        must(pthread_attr_setstacksize(&attr, (size_t)sysconf(_SC_THREAD_STACK_MIN)) == 0);
        must(pthread_create(&thread, &attr, end_here, NULL) == 0);
        for (;;)
                pause();
}

static void end_there(void)
{
        evict_all();
        raise(SIGTERM);
}

/* A coroutine's stack has room for little more than the kernel's frame. */
static int ends_on_a_coroutine(void)
{
        static ucontext_t here, there;
        size_t size = 8192;

        own_fill();
        must(getcontext(&there) == 0);
        there.uc_stack.ss_sp = data_new(size);
        there.uc_stack.ss_size = size;
        there.uc_link = &here;
        makecontext(&there, end_there, 0);
        swapcontext(&here, &there);
        return 1;
}

static void *touch_for_ever(void *arg)
{
        for (size_t i = (uintptr_t)arg;; i += 7)
                (void)*(volatile uint64_t *)(data + i * PAGE % DATA);
        return NULL;
}

static int ends_among_threads(void)
{
        own_fill();
        for (uintptr_t i = 0; i < 4; i++) {
                pthread_t thread;

                must(pthread_create(&thread, NULL, touch_for_ever, (void *)i) == 0);
        }
        usleep(20000);
        return end_by(SIGTERM);
}

/* Two at once, as a shell and a terminal send them. */
static void *end_too(void *arg)
{
        (void)arg;
        raise(SIGINT);
        return NULL;
}

static int ends_twice_at_once(void)
{
        int status;
        pid_t child;

        own_fill();
        child = fork();
        must(child >= 0);
        if (child == 0) {
                pthread_t thread;

                must(pthread_create(&thread, NULL, end_too, NULL) == 0);
                end_by(SIGTERM);
        }
        status = status_of(child);
        must(status == -SIGINT || status == -SIGTERM);
        puts("by one of them");
        return 0;
}

static const struct test_case cases[] = {
        {"dispositions_are_the_programs", dispositions_are_the_programs},
        {"blocked_ones_wait", blocked_ones_wait},
        {"children_end_by_each", children_end_by_each},
        {"ends_by_hup", ends_by_hup},
        {"ends_by_int", ends_by_int},
        {"ends_by_pipe", ends_by_pipe},
        {"ends_by_alrm", ends_by_alrm},
        {"ends_by_term", ends_by_term},
        {"ends_on_a_small_stack", ends_on_a_small_stack},
        {"ends_on_a_coroutine", ends_on_a_coroutine},
        {"ends_among_threads", ends_among_threads},
        {"ends_twice_at_once", ends_twice_at_once},
        {NULL, NULL},
};

int main(int argc, char **argv)
{
        for (size_t i = 0; i < ENDINGS; i++)
                signal(endings[i], SIG_DFL); /* a job in the background begins with some ignored */
        return cases_run(argc, argv, cases);
}
