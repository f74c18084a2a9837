/* SPDX-License-Identifier: MIT */
/* tools.c - what debuggers and tracers are set upon; see `tools`. */
#include "case.h"

#include <pthread.h>

static char *data;

static void *check(void *arg)
{
        must(data_wrong(data, DATA, 1) == 0);
        return arg;
}

static void everything(void)
{
        pthread_t threads[3];
        pid_t child;

        for (unsigned i = 0; i < 3; i++)
                must(pthread_create(&threads[i], NULL, check, NULL) == 0);
        for (unsigned i = 0; i < 3; i++)
                pthread_join(threads[i], NULL);
        child = fork();
        must(child >= 0);
        if (child == 0) {
                check(NULL);
                _exit(3);
        }
        must(status_of(child) == 3);
}

/* Faults, system calls on pages that are out, threads, a child. */
static int traced(void)
{
        data = data_map(DATA);
        data_fill(data, DATA, 1);
        evict_all();
        for (unsigned i = 0; i < 20; i++)
                must(access(data + i * PAGE, F_OK) == -1); /* a path that a tracer wants to read */
        everything();
        puts("traced");
        return 0;
}

/* Works until a line comes on its standard input, then once more. */
static int attached(void)
{
        char line[8];

        data = data_map(DATA);
        data_fill(data, DATA, 1);
        puts("ready");
        must(fgets(line, sizeof(line), stdin));
        everything();
        puts("went on");
        return 0;
}

static int dumped(void)
{
        data = data_map(DATA);
        data_fill(data, DATA, 1);
        evict_all();
        abort();
}

static const struct test_case cases[] = {
        {"traced", traced},
        {"attached", attached},
        {"dumped", dumped},
        {NULL, NULL},
};

int main(int argc, char **argv)
{
        return cases_run(argc, argv, cases);
}
