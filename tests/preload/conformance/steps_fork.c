/* SPDX-License-Identifier: MIT */
/* steps_fork.c - children: that end, that outlive their parent, that look on while it changes. */
#include "conformance.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define DEPTH_MAX    3u
#define REPLACED_MAX 3u

/* What the kernel did with the memory of which it was told so. Locks are not inherited. */
static void become_child(bool waited_for)
{
        size_t n = strlen(state.label);

        alarm(300); /* not inherited either */
        snprintf(state.label + n, sizeof(state.label) - n, ".%u", state.forks);
        state.random ^= (uint64_t)state.forks << 32;
        state.forks = 0;
        state.depth += waited_for;
        state.replaced += !waited_for;
        for (struct window *w = state.windows; w < state.windows + WINDOWS; w++)
                for (unsigned i = 0; w->base && i < w->pages; i++) {
                        w->page[i].flags &= (uint8_t)~LOCKED;
                        if (w->page[i].flags & DONTFORK)
                                w->page[i] = (struct page){.kind = HOLE};
                }
}

static void sum_all(void)
{
        windows_sum();
        heap_sum();
}

static void wait_for(pid_t child)
{
        int status;

        if (waitpid(child, &status, 0) != child)
                give_up("waitpid");
        say("child ends with %d, signal %d", WEXITSTATUS(status), WTERMSIG(status));
}

/* The parent ends, and the child goes on in its place. */
static void replace_parent(int ends[2])
{
        pid_t child = fork();
        char byte;

        if (child < 0)
                give_up("fork");
        if (child > 0)
                _exit(0);
        close(ends[1]);
        while (read(ends[0], &byte, 1) < 0 && errno == EINTR)
                ;
        become_child(false);
        sum_all();
}

/* The child sees the memory as it was, although the parent has changed it meanwhile. */
static void look_on(int ends[2], unsigned steps)
{
        unsigned old_depth = state.depth;
        pid_t child = fork();
        char byte;

        if (child < 0)
                give_up("fork");
        if (child == 0) {
                close(ends[1]);
                while (read(ends[0], &byte, 1) < 0 && errno == EINTR)
                        ;
                become_child(true);
                sum_all();
                steps_run(steps);
                _exit((int)below(200));
        }
        state.depth = DEPTH_MAX; /* no forks in between: their children would hold the pipe */
        steps_run(steps);
        state.depth = old_depth;
        close(ends[1]);
        wait_for(child);
}

static void let_child_work(unsigned steps)
{
        pid_t child = fork();

        if (child < 0)
                give_up("fork");
        if (child == 0) {
                become_child(true);
                sum_all();
                steps_run(steps);
                if (random_chance(10))
                        raise(SIGKILL);
                _exit((int)below(200));
        }
        wait_for(child);
}

void step_fork(void)
{
        unsigned way = below(10), steps = below(25), outer_steps = state.steps;
        int ends[2];

        if (state.depth >= DEPTH_MAX)
                return;
        if (pipe(ends) != 0)
                give_up("pipe");
        state.forks++;
        say("fork %u", way);
        /* Somebody who waits for this process would go on beside its child, in any order. */
        if (way == 0 && state.depth == 0 && state.replaced < REPLACED_MAX)
                replace_parent(ends);
        else if (way < 4)
                look_on(ends, steps);
        else
                let_child_work(steps);
        close(ends[0]);
        close(ends[1]);
        state.steps = outer_steps;
        sum_all();
}
