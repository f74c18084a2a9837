/* SPDX-License-Identifier: MIT */
/*
 * signals.c - `signals MIB abort|segv|kill-child`: what programs do with signals, with more memory
 * than fits; ends as the last word says.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096

static unsigned char *area;
static size_t pages;
static volatile unsigned long barriers;
static volatile sig_atomic_t ticks;
static sigjmp_buf out_of_depth;

/* The write barrier: the page is to be written to, and noted. */
static void barrier(int number, siginfo_t *info, void *context)
{
        uintptr_t at = (uintptr_t)info->si_addr;

        (void)number;
        (void)context;
        if (at < (uintptr_t)area || at >= (uintptr_t)area + pages * PAGE ||
            info->si_code != SEGV_ACCERR)
                siglongjmp(out_of_depth, 1);
        barriers++;
        if (mprotect((void *)(at & ~(uintptr_t)(PAGE - 1)), PAGE, PROT_READ | PROT_WRITE))
                abort();
}

static void tick(int number)
{
        (void)number;
        ticks++;
        (void)*(volatile unsigned char *)&area[(size_t)ticks * 7919 % pages * PAGE];
}

__attribute__((noinline)) static unsigned long descend(unsigned long n)
{
        volatile char frame[4096];

        memset((char *)frame, (int)n, sizeof(frame));
        return n == ~0ul ? 0 : descend(n + 1) + (unsigned long)frame[n % sizeof(frame)];
}

static void watch(void)
{
        struct sigaction action = {.sa_sigaction = barrier, .sa_flags = SA_SIGINFO | SA_ONSTACK};
        stack_t stack = {.ss_size = 64 << 10, .ss_sp = malloc(64 << 10)};

        if (!stack.ss_sp || sigaltstack(&stack, NULL) || sigaction(SIGSEGV, &action, NULL))
                abort();
}

static void write_barriers(void)
{
        uint64_t sum = 0;

        for (int round = 0; round < 2; round++) {
                if (mprotect(area, pages * PAGE, PROT_READ))
                        abort();
                for (size_t i = 0; i < pages; i += 3)
                        area[i * PAGE + i % PAGE]++;
        }
        for (size_t i = 0; i < pages * PAGE; i++)
                sum = sum * 31 + area[i];
        printf("%lu barriers, sum %lu\n", barriers, (unsigned long)sum);
}

static void overflow_of_the_stack(void)
{
        struct rlimit small = {.rlim_cur = 1 << 20, .rlim_max = RLIM_INFINITY};

        setrlimit(RLIMIT_STACK, &small);
        for (int i = 0; i < 3; i++) {
                if (sigsetjmp(out_of_depth, 1) == 0)
                        printf("never: %lu\n", descend(0));
                else
                        printf("the stack ended\n");
        }
}

static void interrupted(void)
{
        struct itimerval often = {{0, 2000}, {0, 2000}}, never = {{0, 0}, {0, 0}};
        uint64_t sum = 0;

        signal(SIGALRM, tick);
        setitimer(ITIMER_REAL, &often, NULL);
        while (ticks < 50) {
                for (size_t i = 0; i < pages * PAGE; i += 64)
                        sum += area[i];
        }
        setitimer(ITIMER_REAL, &never, NULL);
        printf("interrupted: %d\n", sum > 0);
}

int main(int argc, char **argv)
{
        const char *end = argc > 2 ? argv[2] : "";
        pid_t child;
        int status;

        pages = argc > 1 ? (size_t)(atof(argv[1]) * (1 << 20) / PAGE) : 16;
        area = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (area == MAP_FAILED)
                return 2;
        for (size_t i = 0; i < pages * PAGE; i++)
                area[i] = (unsigned char)(i * i >> 7);
        watch();
        write_barriers();
        overflow_of_the_stack();
        interrupted();
        fflush(stdout);
        if (strcmp(end, "abort") == 0) {
                abort();
        } else if (strcmp(end, "segv") == 0) {
                signal(SIGSEGV, SIG_DFL);
                mprotect(area, PAGE, PROT_NONE);
                area[0] = 1;
        }
        child = fork();
        if (child == 0) {
                for (;;)
                        area[(size_t)rand() % (pages * PAGE)]++;
        }
        usleep(200000);
        kill(child, SIGKILL);
        waitpid(child, &status, 0);
        printf("the child ended by %d\n", WTERMSIG(status));
        write_barriers();
        return 0;
}
