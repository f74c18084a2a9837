/* SPDX-License-Identifier: MIT */
/* child.c - a run in a process of its own: started, watched, and its end put into words. */
#include "machine.h"
#include "run.h"
#include "bench_util.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static int report_fd = -1; /* in the child: where the result goes */

static void send_result(const struct result *result)
{
        /* Less than PIPE_BUF: it arrives whole, or not at all. */
        _Static_assert(sizeof(*result) <= 4096, "the result of a run fits into a pipe at once");
        if (write(report_fd, result, sizeof(*result)) != (ssize_t)sizeof(*result))
                _exit(4);
}

void fail(enum outcome outcome, const char *format, ...)
{
        static atomic_flag once = ATOMIC_FLAG_INIT;
        struct result result = {.outcome = outcome};
        va_list arguments;

        if (atomic_flag_test_and_set(&once))
                for (;;)
                        pause(); /* another thread ends the process */
        va_start(arguments, format);
        vsnprintf(result.text, sizeof(result.text), format, arguments);
        va_end(arguments);
        send_result(&result);
        _exit(3);
}

void *ordinary_memory(size_t size)
{
        void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

        if (memory == MAP_FAILED)
                fail(OUTCOME_FAILED,
                     "no memory for %zu bytes of bookkeeping: %s (a smaller --budget needs less)",
                     size, strerror(errno));
        return memory;
}

static void be_child(const struct run *run, pid_t parent)
{
        struct result result = {.outcome = OUTCOME_DONE};

        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
                _exit(4);
        signal(SIGINT, SIG_IGN); /* the parent ends us */
        signal(SIGTERM, SIG_DFL);
        if (run->cpus && sched_setaffinity(0, sizeof(*run->cpus), run->cpus) != 0)
                fail(OUTCOME_FAILED, "--cpus: %s", strerror(errno));
        workload_run(run, &result);
        send_result(&result);
        _exit(0);
}

/* Reads the result. false: it did not come in time, or the benchmark was interrupted. */
static bool await(const struct run *run, int fd, struct result *result, bool *late)
{
        uint64_t until = now_ns() + run->timeout * 1000000000ull, now;
        struct pollfd wait = {.fd = fd, .events = POLLIN};

        *late = false;
        while (!interrupted && (now = now_ns()) < until) {
                int ready = poll(&wait, 1, (int)((until - now) / 1000000) + 1);

                if (ready > 0)
                        return read(fd, result, sizeof(*result)) == (ssize_t)sizeof(*result);
                if (ready < 0 && errno != EINTR)
                        return false;
        }
        *late = !interrupted;
        return false;
}

static void describe_end(const struct run *run, int status, struct result *result)
{
        result->outcome = OUTCOME_FAILED;
        if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL && run->group) {
                result->outcome = OUTCOME_STARVED;
                snprintf(result->text, sizeof(result->text),
                         "killed: no memory left in a cgroup of %zu KiB (--room gives it more)",
                         run->limit >> 10);
        } else if (WIFSIGNALED(status)) {
                snprintf(result->text, sizeof(result->text), "ended by signal %d (%s)",
                         WTERMSIG(status), strsignal(WTERMSIG(status)));
        } else {
                snprintf(result->text, sizeof(result->text),
                         "ended with status %d and no result: its messages say more",
                         WEXITSTATUS(status));
        }
}

static void start_failed(struct result *result, const char *what)
{
        *result = (struct result){.outcome = OUTCOME_FAILED};
        snprintf(result->text, sizeof(result->text), "%s: %s", what, strerror(errno));
}

bool run_in_child(const struct run *run, struct result *result)
{
        pid_t parent = getpid(), child;
        bool late, answered;
        int ends[2], status;

        if (pipe(ends) != 0) {
                start_failed(result, "pipe");
                return true;
        }
        fflush(NULL);
        child = fork();
        if (child == 0) {
                close(ends[0]);
                report_fd = ends[1];
                be_child(run, parent);
        }
        close(ends[1]);
        if (child < 0) {
                start_failed(result, "fork");
                close(ends[0]);
                return true;
        }
        answered = await(run, ends[0], result, &late);
        if (late || interrupted)
                kill(child, SIGKILL);
        while (waitpid(child, &status, 0) < 0 && errno == EINTR)
                continue;
        close(ends[0]);
        if (late) {
                *result = (struct result){.outcome = OUTCOME_FAILED};
                snprintf(result->text, sizeof(result->text),
                         "not over after %u s (--timeout allows more)", run->timeout);
        } else if (!answered) {
                describe_end(run, status, result);
        }
        return !interrupted;
}
