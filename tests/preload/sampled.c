/* SPDX-License-Identifier: MIT */
/*
 * sampled.c - touches paged memory, nine times out of ten in often(), else in seldom(). For
 * sample.sh, which looks where `unpaged run --sample` finds that.
 *
 *   sampled plain|threads|handler|deep TOUCHES
 */
#include "case.h"

#include <pthread.h>
#include <signal.h>

/* A function of its own in the program, under its name, whatever it is called with. */
#ifdef __clang__
#define APART __attribute__((noinline))
#else
#define APART __attribute__((noipa))
#endif

static unsigned char *data;
static size_t touches;

static uint64_t next_random(uint64_t *state)
{
        *state += 0x9e3779b97f4a7c15u;
        return (*state ^ *state >> 31) * 0xbf58476d1ce4e5b9u >> 20;
}

/* What stands behind the touch keeps the compiler from leaving the frame before it. */
static APART void often(size_t page)
{
        data[page * PAGE]++;
        __asm__ volatile("");
}

static APART void seldom(size_t page)
{
        data[page * PAGE]--;
        __asm__ volatile("");
}

static APART void work(uint64_t seed)
{
        for (size_t i = 0; i < touches; i++) {
                size_t page = next_random(&seed) % (DATA / PAGE);

                if (next_random(&seed) % 10)
                        often(page);
                else
                        seldom(page);
        }
        __asm__ volatile("");
}

static void *thread(void *arg)
{
        work(*(const uint64_t *)arg);
        return NULL;
}

static void in_threads(void)
{
        uint64_t seeds[2] = {1, 2};
        pthread_t threads[2];

        for (int i = 0; i < 2; i++)
                must(pthread_create(&threads[i], NULL, thread, &seeds[i]) == 0);
        for (int i = 0; i < 2; i++)
                must(pthread_join(threads[i], NULL) == 0);
}

static void on_signal(int sig)
{
        work((uint64_t)sig);
        __asm__ volatile("");
}

static void in_handler(void)
{
        must(signal(SIGUSR1, on_signal) != SIG_ERR);
        must(raise(SIGUSR1) == 0);
}

/* Its callers are further up the stack than is copied. */
static APART void in_depth(void)
{
        volatile unsigned char large[64 << 10];

        large[0] = large[sizeof(large) - 1] = 1;
        work(large[0]);
        large[0] = 2;
}

int main(int argc, char **argv)
{
        must(argc == 3);
        touches = (size_t)atoi(argv[2]);
        data = malloc(DATA);
        must(data);
        memset(data, 1, DATA);
        if (strcmp(argv[1], "threads") == 0)
                in_threads();
        else if (strcmp(argv[1], "handler") == 0)
                in_handler();
        else if (strcmp(argv[1], "deep") == 0)
                in_depth();
        else
                work(1);
        return 0;
}
