/* SPDX-License-Identifier: MIT */
/*
 * log.c - what is said, and touches that may fail.
 *
 * A line is written at once, so that the log ends where the program did.
 */
#include "conformance.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static sigjmp_buf back;
static volatile sig_atomic_t armed;
static char *volatile fault_addr;

static void line(const char *format, va_list args, const char *tail)
{
        char text[512];
        int n = snprintf(text, sizeof(text), "%s %u ", state.label, state.step);

        n += vsnprintf(text + n, sizeof(text) - (size_t)n, format, args);
        n += snprintf(text + n, sizeof(text) - (size_t)n, "%s\n", tail);
        if (write(STDOUT_FILENO, text, (size_t)n) != n)
                _exit(98);
}

void say(const char *format, ...)
{
        va_list args;

        va_start(args, format);
        line(format, args, "");
        va_end(args);
}

static const char *error_name(void)
{
        const char *name = strerrorname_np(errno);

        return name ? name : "?";
}

void say_result(long result, const char *format, ...)
{
        char tail[48];
        va_list args;

        if (result == -1)
                snprintf(tail, sizeof(tail), " = %s", error_name());
        else
                snprintf(tail, sizeof(tail), " = %ld", result);
        va_start(args, format);
        line(format, args, tail);
        va_end(args);
}

void say_address(const void *result, const void *expected, const char *format, ...)
{
        char tail[48];
        va_list args;

        if (result == MAP_FAILED)
                snprintf(tail, sizeof(tail), " = %s", error_name());
        else
                snprintf(tail, sizeof(tail), " = %s", result == expected ? "there" : "elsewhere");
        va_start(args, format);
        line(format, args, tail);
        va_end(args);
}

const char *prot_name(int prot)
{
        static const char *const names[] = {"---", "r--", "-w-", "rw-", "--x", "r-x", "-wx", "rwx"};

        return names[prot & 7];
}

const char *range_name(struct range r)
{
        static char names[4][32]; /* as many as one line may name */
        static unsigned next;
        char *name = names[next++ % 4];

        snprintf(name, sizeof(names[0]), "w%u+%u*%u", (unsigned)(r.window - state.windows), r.first,
                 r.pages);
        return name;
}

void give_up(const char *what)
{
        say("gives up: %s: %s", what, error_name());
        _exit(97);
}

static void on_fault(int signal, siginfo_t *info, void *context)
{
        (void)context;
        if (!armed) {
                say("crashes: %s", sigabbrev_np(signal));
                _exit(96);
        }
        fault_addr = info->si_addr;
        siglongjmp(back, signal);
}

void faults_catch(void)
{
        struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};

        sigemptyset(&action.sa_mask);
        if (sigaction(SIGSEGV, &action, NULL) != 0 || sigaction(SIGBUS, &action, NULL) != 0)
                give_up("sigaction");
}

int fault_of(void (*body)(void *arg), void *arg, char **at)
{
        int signal = sigsetjmp(back, 1);

        if (signal == 0) {
                armed = 1;
                body(arg);
        } else if (at) {
                *at = fault_addr;
        }
        armed = 0;
        return signal;
}
