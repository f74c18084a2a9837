/* SPDX-License-Identifier: MIT */
/*
 * case.h - what the behaviour programs share.
 *
 * A program holds a table of cases. `program --list` names them, `program CASE` runs one. A case
 * asserts what it knows and prints what it finds; `compare` runs it plainly and under a budget of a
 * fraction of DATA, and both must print the same and end the same way. So nothing may be printed
 * that differs between two plain runs.
 */
#ifndef CASE_H
#define CASE_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE ((size_t)4096)
#define DATA ((size_t)3 << 20) /* several budgets: see support.sh */

struct test_case {
        const char *name;
        int (*run)(void); /* the exit status */
};

#define must(condition)                                                                            \
        ((condition) ? (void)0 : must_failed(__FILE_NAME__, __LINE__, #condition, strerror(errno)))

#ifndef __FILE_NAME__
#define __FILE_NAME__ __FILE__
#endif

__attribute__((noreturn)) static inline void must_failed(const char *file, int line,
                                                         const char *condition, const char *error)
{
        char text[256];
        int n = snprintf(text, sizeof(text), "%s:%d: not true: %s (%s)\n", file, line, condition,
                         error);

        _exit(write(STDERR_FILENO, text, (size_t)n) == n ? 90 : 91);
}

static inline uint64_t data_word(uint64_t key, size_t i)
{
        uint64_t x = (key + i / 3) * 0x9e3779b97f4a7c15u; /* compresses, but not to nothing */

        return x ^ (x >> 31);
}

static inline void data_fill(void *data, size_t size, uint64_t key)
{
        uint64_t *words = data;

        for (size_t i = 0; i < size / sizeof(*words); i++)
                words[i] = data_word(key, i);
}

/* The number of words that are not what data_fill() wrote. */
static inline size_t data_wrong(const void *data, size_t size, uint64_t key)
{
        const uint64_t *words = data;
        size_t wrong = 0;

        for (size_t i = 0; i < size / sizeof(*words); i++)
                wrong += words[i] != data_word(key, i);
        return wrong;
}

static inline void *data_map(size_t size)
{
        void *data = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        must(data != MAP_FAILED);
        return data;
}

static inline void *data_new(size_t size)
{
        void *data = malloc(size);

        must(data);
        return data;
}

/* Whatever else is paged is out after this. */
static inline void evict_all(void)
{
        static char *hog;
        static uint64_t key = 1000;

        if (!hog)
                hog = data_map(DATA);
        data_fill(hog, DATA, ++key);
        must(data_wrong(hog, DATA, key) == 0);
}

/* The child's exit status; -signal. */
static inline int status_of(pid_t child)
{
        int status;
        pid_t found;

        while ((found = waitpid(child, &status, 0)) < 0 && errno == EINTR)
                ;
        must(found == child);
        return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static inline int cases_run(int argc, char **argv, const struct test_case *cases)
{
        alarm(300); /* a page that never comes must not hang the test */
        setvbuf(stdout, NULL, _IOLBF, 0);
        for (; argc >= 2 && cases->name; cases++)
                if (strcmp(argv[1], "--list") == 0)
                        puts(cases->name);
                else if (strcmp(argv[1], cases->name) == 0)
                        return cases->run();
        return argc >= 2 && strcmp(argv[1], "--list") == 0 ? 0 : 2;
}

#endif
