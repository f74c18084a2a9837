/* SPDX-License-Identifier: MIT */
/* signals.c - the program's own handlers, masks, timers and stacks beside paging. */
#include "case.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/time.h>
#include <time.h>

static char *data;
static volatile sig_atomic_t caught;
static sigjmp_buf back;

static void handle(int signal, void (*handler)(int, siginfo_t *, void *), int flags)
{
        struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | flags};

        sigemptyset(&action.sa_mask);
        must(sigaction(signal, &action, NULL) == 0);
}

static void own_fill(void)
{
        data = data_map(DATA);
        data_fill(data, DATA, 1);
}

static void storm(unsigned microseconds)
{
        struct itimerval timer = {.it_interval = {0, microseconds}, .it_value = {0, microseconds}};

        must(setitimer(ITIMER_REAL, &timer, NULL) == 0);
}

/* ---- faults the program makes itself -------------------------------------------------------- */

static void permit(int signal, siginfo_t *info, void *context)
{
        char *page = (char *)((uintptr_t)info->si_addr & ~(PAGE - 1));

        (void)signal, (void)context;
        must(page >= data && page < data + DATA);
        must(mprotect(page, PAGE, PROT_READ | PROT_WRITE) == 0);
        caught++;
}

/* As garbage collectors find out what is written. */
static int guard_pages_recover(void)
{
        own_fill();
        handle(SIGSEGV, permit, 0);
        for (unsigned i = 0; i < 3; i++) {
                must(mprotect(data, DATA, i == 1 ? PROT_NONE : PROT_READ) == 0);
                for (size_t at = 0; at < DATA; at += 5 * PAGE)
                        *(volatile char *)(data + at) = *(volatile char *)(data + at);
                printf("%d\n", (int)caught);
                must(mprotect(data, DATA, PROT_READ | PROT_WRITE) == 0);
        }
        must(data_wrong(data, DATA, 1) == 0);
        return 0;
}

static void leap(int signal, siginfo_t *info, void *context)
{
        (void)info, (void)context;
        caught++;
        siglongjmp(back, signal);
}

static int bus_errors_are_the_programs(void)
{
        FILE *file = tmpfile();
        volatile char *map;

        own_fill();
        must(file && fputc('x', file) == 'x' && fflush(file) == 0);
        map = mmap(NULL, 4 * PAGE, PROT_READ, MAP_PRIVATE, fileno(file), 0);
        must(map != MAP_FAILED);
        handle(SIGBUS, leap, 0);
        handle(SIGSEGV, leap, 0);
        for (volatile unsigned i = 0; i < 20; i++) {
                int signal = sigsetjmp(back, 1);

                if (signal == 0)
                        printf("%d\n", map[(i % 3) * PAGE]);
                else
                        printf("%s\n", strsignal(signal));
                must(data_wrong(data, DATA / 8, 1) == 0);
        }
        must(data_wrong(data, DATA, 1) == 0);
        return 0;
}

static int unhandled_ones_end_it(void)
{
        struct sigaction action;

        own_fill();
        must(sigaction(SIGSEGV, NULL, &action) == 0 && action.sa_handler == SIG_DFL);
        must(sigaction(SIGBUS, NULL, &action) == 0 && action.sa_handler == SIG_DFL);
        must(munmap(data, PAGE) == 0);
        return *(volatile char *)data;
}

/* ---- signals that interrupt faults ---------------------------------------------------------- */

static void look(int signal, siginfo_t *info, void *context)
{
        static size_t at;

        (void)signal, (void)info, (void)context;
        at = (at + 37 * PAGE) % DATA;
        must(data_wrong(data, PAGE, 1) == 0);
        must(*(uint64_t *)(data + at) == data_word(1, at / 8));
        caught++;
}

static int storm_of_alarms(void)
{
        own_fill();
        handle(SIGALRM, look, SA_RESTART);
        storm(1000);
        for (unsigned i = 0; i < 4 || caught < 100; i++) {
                evict_all();
                must(data_wrong(data, DATA, 1) == 0);
        }
        storm(0);
        puts("a hundred alarms");
        return 0;
}

static int leaps_out_of_faults(void)
{
        volatile size_t i = 0;

        own_fill();
        handle(SIGALRM, leap, 0);
        sigsetjmp(back, 1);
        if (caught < 300) {
                storm(700 + (unsigned)caught);
                for (;; i = (i + 1) % (DATA / PAGE)) /* left by the handler alone */
                        must(data_wrong(data, PAGE, 1) == 0 &&
                             *(uint64_t *)(data + i * PAGE) == data_word(1, i * PAGE / 8));
        }
        storm(0);
        must(data_wrong(data, DATA, 1) == 0);
        puts("three hundred leaps");
        return 0;
}

/* ---- stacks --------------------------------------------------------------------------------- */

static stack_t stack_new(void)
{
        stack_t stack = {.ss_size = 64 << 10};

        stack.ss_sp = data_new(stack.ss_size);
        memset(stack.ss_sp, 1, stack.ss_size);
        must(sigaltstack(&stack, NULL) == 0);
        return stack;
}

static int stack_is_out(void)
{
        stack_t stack = stack_new();

        own_fill();
        handle(SIGUSR1, look, SA_ONSTACK);
        for (unsigned i = 0; i < 5; i++) {
                evict_all();
                raise(SIGUSR1);
        }
        must(caught == 5);
        stack.ss_flags = SS_DISABLE;
        must(sigaltstack(&stack, NULL) == 0);
        free(stack.ss_sp);
        puts("five on a stack that was out");
        return 0;
}

static volatile size_t depth_max = SIZE_MAX;

static size_t dive(size_t depth)
{
        volatile char space[4000];

        space[depth % sizeof(space)] = 1;
        if (depth == depth_max)
                return 0;
        return dive(depth + 1) + (size_t)space[depth % sizeof(space)];
}

static int overflow_is_survived(void)
{
        stack_new();
        own_fill();
        handle(SIGSEGV, leap, SA_ONSTACK);
        for (volatile unsigned i = 0; i < 3; i++) {
                evict_all();
                if (sigsetjmp(back, 1) == 0)
                        printf("%zu\n", dive(0));
        }
        printf("%d overflows\n", (int)caught);
        must(data_wrong(data, DATA, 1) == 0);
        return 0;
}

/* ---- masks and children --------------------------------------------------------------------- */

/* Blocked in every thread of the program it is pending, and not for a thread of anybody else. */
static int all_are_blocked(void)
{
        struct timespec now = {0, 0};
        sigset_t all, pending;

        own_fill();
        sigfillset(&all);
        must(sigprocmask(SIG_SETMASK, &all, NULL) == 0);
        for (int signal = 1; signal < NSIG; signal++)
                if (signal != SIGKILL && signal != SIGSTOP && signal != SIGCONT &&
                    signal != SIGALRM && signal != 32 && signal != 33)
                        must(kill(getpid(), signal) == 0);
        evict_all();
        must(data_wrong(data, DATA, 1) == 0);
        must(sigpending(&pending) == 0);
        for (int signal = 1; signal < NSIG; signal++)
                printf("%d", sigismember(&pending, signal));
        putchar('\n');
        for (int signal; (signal = sigtimedwait(&all, NULL, &now)) > 0;)
                printf("%d ", signal);
        puts("taken");
        return 0;
}

static void reap(int signal, siginfo_t *info, void *context)
{
        (void)signal, (void)info, (void)context;
        while (waitpid(-1, NULL, WNOHANG) > 0)
                caught++;
}

static int children_end(void)
{
        own_fill();
        handle(SIGCHLD, reap, SA_RESTART);
        for (unsigned i = 0; i < 20; i++) {
                pid_t child = fork();

                must(child >= 0);
                if (child == 0) {
                        size_t part = (size_t)i * DATA / 32;

                        must(*(uint64_t *)(data + part) == data_word(1, part / 8));
                        _exit(0);
                }
                if (i % 5 == 0)
                        evict_all();
        }
        while (caught < 20)
                usleep(1000);
        must(data_wrong(data, DATA, 1) == 0);
        puts("twenty children");
        return 0;
}

static int stopped_and_continued(void)
{
        int status, ready[2];
        char byte;
        pid_t child;

        own_fill();
        must(pipe(ready) == 0);
        child = fork();
        must(child >= 0);
        if (child == 0) {
                must(write(ready[1], "y", 1) == 1);
                for (unsigned i = 0; i < 20; i++)
                        must(data_wrong(data, DATA, 1) == 0);
                _exit(5);
        }
        must(read(ready[0], &byte, 1) == 1);
        for (unsigned i = 0; i < 5; i++) {
                usleep(10000);
                if (kill(child, SIGSTOP) != 0 || waitpid(child, &status, WUNTRACED) != child ||
                    !WIFSTOPPED(status))
                        break;
                must(data_wrong(data, DATA, 1) == 0);
                kill(child, SIGCONT);
        }
        if (!WIFEXITED(status))
                must(status_of(child) == 5);
        puts("stopped and continued");
        return 0;
}

static const struct test_case cases[] = {
        {"guard_pages_recover", guard_pages_recover},
        {"bus_errors_are_the_programs", bus_errors_are_the_programs},
        {"unhandled_ones_end_it", unhandled_ones_end_it},
        {"storm_of_alarms", storm_of_alarms},
        {"leaps_out_of_faults", leaps_out_of_faults},
        {"stack_is_out", stack_is_out},
        {"overflow_is_survived", overflow_is_survived},
        {"all_are_blocked", all_are_blocked},
        {"children_end", children_end},
        {"stopped_and_continued", stopped_and_continued},
        {NULL, NULL},
};

int main(int argc, char **argv)
{
        return cases_run(argc, argv, cases);
}
