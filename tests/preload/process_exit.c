/* SPDX-License-Identifier: MIT */
/* process_exit.c - every way a process ends, with pages out and handlers that still want them. */
#include "case.h"

#include <pthread.h>
#include <signal.h>

static char *data;

static void own_fill(void)
{
        data = data_map(DATA);
        data_fill(data, DATA, 1);
}

static void look_back(void)
{
        must(data_wrong(data, DATA, 1) == 0);
        puts("still there");
}

__attribute__((destructor)) static void look_back_last(void)
{
        if (data)
                look_back();
}

static void *touch_for_ever(void *arg)
{
        for (size_t i = (uintptr_t)arg;; i += 7)
                must(*(volatile uint64_t *)(data + i * PAGE % DATA) ==
                     data_word(1, i * PAGE % DATA / 8));
        return NULL;
}

static void threads_start(void)
{
        for (uintptr_t i = 0; i < 4; i++) {
                pthread_t thread;

                must(pthread_create(&thread, NULL, touch_for_ever, (void *)i) == 0);
        }
        usleep(20000);
}

static int exits(void)
{
        own_fill();
        atexit(look_back);
        exit(3);
}

static int exits_at_once(void)
{
        own_fill();
        atexit(look_back);
        _exit(4);
}

static int exits_quickly(void)
{
        own_fill();
        at_quick_exit(look_back);
        quick_exit(5);
}

static int aborts(void)
{
        own_fill();
        abort();
}

static int is_terminated(void)
{
        own_fill();
        threads_start();
        kill(getpid(), SIGTERM);
        pause();
        return 0;
}

static int is_killed(void)
{
        own_fill();
        raise(SIGKILL);
        return 0;
}

static int returns_among_threads(void)
{
        own_fill();
        threads_start();
        atexit(look_back);
        return 6;
}

static int exits_at_once_among_threads(void)
{
        own_fill();
        threads_start();
        _exit(7);
}

static void *exit_here(void *arg)
{
        atexit(look_back);
        exit((int)(uintptr_t)arg);
}

static int thread_exits(void)
{
        pthread_t thread;

        own_fill();
        threads_start();
        must(pthread_create(&thread, NULL, exit_here, (void *)8) == 0);
        for (;;)
                pause();
}

static int becomes_another(void)
{
        own_fill();
        threads_start();
        execl("/bin/sh", "sh", "-c", "echo another; exit 9", NULL);
        return 1;
}

/* Output that waits in a buffer of paged memory is written by exit(). */
static int buffer_is_out(void)
{
        setvbuf(stdout, data_new(1 << 20), _IOFBF, 1 << 20);
        for (unsigned i = 0; i < 20000; i++)
                printf("line %u\n", i);
        evict_all();
        return 10;
}

static int fails_and_says_so(void)
{
        own_fill();
        fprintf(stderr, "a message\n");
        return 255;
}

static const struct test_case cases[] = {
        {"exits", exits},
        {"exits_at_once", exits_at_once},
        {"exits_quickly", exits_quickly},
        {"aborts", aborts},
        {"is_terminated", is_terminated},
        {"is_killed", is_killed},
        {"returns_among_threads", returns_among_threads},
        {"exits_at_once_among_threads", exits_at_once_among_threads},
        {"thread_exits", thread_exits},
        {"becomes_another", becomes_another},
        {"buffer_is_out", buffer_is_out},
        {"fails_and_says_so", fails_and_says_so},
        {NULL, NULL},
};

int main(int argc, char **argv)
{
        return cases_run(argc, argv, cases);
}
