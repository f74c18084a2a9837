/* SPDX-License-Identifier: MIT */
/*
 * paged.c - a program with known content that goes on: paged MIB [idle|child]
 *
 * Looks at every page over and over, and aborts at the first that is wrong. With `idle` it does not
 * look, with `child` its child of fork does the same with a copy. Prints a line with the process
 * ids when the pages are there. SIGTERM ends it with 0, and the child with it.
 */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#define PAGE 4096u

static volatile sig_atomic_t ends;

static void on_term(int signal)
{
        (void)signal;
        ends = 1;
}

static uint64_t word_of(size_t page, uint64_t seed)
{
        return (page + 1) * 0x9e3779b97f4a7c15u + seed;
}

static void write_all(char *map, size_t pages, uint64_t seed)
{
        for (size_t i = 0; i < pages; i++)
                *(uint64_t *)(void *)(map + i * PAGE + 64) = word_of(i, seed);
}

static void check_all(const char *map, size_t pages, uint64_t seed)
{
        for (size_t i = 0; i < pages; i++)
                if (*(const uint64_t *)(const void *)(map + i * PAGE + 64) != word_of(i, seed))
                        abort();
}

int main(int argc, char **argv)
{
        struct sigaction action = {.sa_handler = on_term};
        size_t pages = argc > 1 ? (size_t)atoi(argv[1]) * 256 : 0;
        const char *how = argc > 2 ? argv[2] : "";
        char *map = pages ? malloc(pages * PAGE) : NULL;
        uint64_t seed = 1;
        pid_t child = 0;

        if (!map)
                return 2;
        sigaction(SIGTERM, &action, NULL);
        write_all(map, pages, seed);
        if (strcmp(how, "child") == 0) {
                child = fork();
                if (child == 0) {
                        prctl(PR_SET_PDEATHSIG, SIGKILL);
                        write_all(map, pages, seed = 2);
                }
        }
        if (child || strcmp(how, "child") != 0) {
                printf("%d %d\n", (int)getpid(), (int)child);
                fflush(stdout);
        }
        while (!ends) {
                if (strcmp(how, "idle") != 0)
                        check_all(map, pages, seed);
                usleep(10000);
        }
        check_all(map, pages, seed);
        if (child)
                kill(child, SIGTERM);
        return 0;
}
