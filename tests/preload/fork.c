/* SPDX-License-Identifier: MIT */
/* fork.c - parent and child both go on with correct memory, whoever changes it and whoever ends. */
#include "case.h"

#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>

extern char **environ;

static char *data, *heap[64];

/* Half of it mapped, half of it from malloc. */
static void own_fill(uint64_t key)
{
        if (!data) {
                data = data_map(DATA / 2);
                for (unsigned i = 0; i < 64; i++)
                        heap[i] = data_new(DATA / 128);
        }
        data_fill(data, DATA / 2, key);
        for (unsigned i = 0; i < 64; i++)
                data_fill(heap[i], DATA / 128, key + i);
}

static size_t own_wrong(uint64_t key)
{
        size_t wrong = data_wrong(data, DATA / 2, key);

        for (unsigned i = 0; i < 64; i++)
                wrong += data_wrong(heap[i], DATA / 128, key + i);
        return wrong;
}

/* A child that finds `key`, leaves `key + 1` and ends with 7. */
static pid_t child_of_change(uint64_t key)
{
        pid_t child = fork();

        must(child >= 0);
        if (child == 0) {
                must(own_wrong(key) == 0);
                own_fill(key + 1);
                must(own_wrong(key + 1) == 0);
                _exit(7);
        }
        return child;
}

static int both_change(void)
{
        own_fill(10);
        for (uint64_t i = 0; i < 2; i++) {
                pid_t child = child_of_change(10 + i * 100);

                must(own_wrong(10 + i * 100) == 0);
                own_fill(110 + i * 100);
                must(status_of(child) == 7);
                must(own_wrong(110 + i * 100) == 0);
        }
        puts("parent and child have their own");
        return 0;
}

static int freed_before_child_reads(void)
{
        int ends[2];
        pid_t child;
        char byte;

        own_fill(1);
        must(pipe(ends) == 0);
        child = fork();
        must(child >= 0);
        if (child == 0) {
                close(ends[1]);
                must(read(ends[0], &byte, 1) == 0);
                must(own_wrong(1) == 0);
                _exit(3);
        }
        munmap(data, DATA / 2);
        for (unsigned i = 0; i < 64; i++)
                free(heap[i]);
        data = NULL;
        own_fill(2);
        close(ends[1]);
        must(status_of(child) == 3);
        must(own_wrong(2) == 0);
        puts("what the parent frees stays with the child");
        return 0;
}

static void descend(unsigned depth)
{
        pid_t child;

        must(own_wrong(depth) == 0);
        if (depth == 4)
                _exit(4);
        own_fill(depth + 1);
        child = fork();
        must(child >= 0);
        if (child == 0)
                descend(depth + 1);
        own_fill(depth + 50);
        must(status_of(child) == 4);
        must(own_wrong(depth + 50) == 0);
        if (depth)
                _exit(4);
}

static int grandchildren(void)
{
        own_fill(0);
        descend(0);
        puts("four generations");
        return 0;
}

/* Twice, as daemons do; the second time the child has evicted pages of its own. */
static int parent_ends_first(void)
{
        int ends[2], done[2];
        char byte = 0;
        pid_t child;

        own_fill(1);
        must(pipe(done) == 0);
        child = fork();
        must(child >= 0);
        for (uint64_t key = 1; child == 0 && key < 3; key++) {
                pid_t next;

                must(pipe(ends) == 0);
                next = fork();
                must(next >= 0);
                if (next > 0)
                        _exit(0);
                close(ends[1]);
                must(read(ends[0], &byte, 1) == 0); /* it has ended */
                must(own_wrong(key) == 0);
                own_fill(key + 1);
                must(own_wrong(key + 1) == 0);
                byte = 'y';
        }
        if (child == 0) {
                must(write(done[1], "y", 1) == 1);
                _exit(0);
        }
        close(done[1]);
        must(status_of(child) == 0);
        must(read(done[0], &byte, 1) == 1 && byte == 'y');
        must(own_wrong(1) == 0);
        puts("the child went on alone");
        return 0;
}

/* ---- with threads --------------------------------------------------------------------------- */

#define WRITERS       4u
#define WRITER_PAGES  100u
#define WORDS_OF_PAGE (PAGE / sizeof(uint64_t))

static atomic_bool stop;
static volatile uint64_t *written[WRITERS];

/* Numbers that go up, word by word: at any moment a page holds n+1 up to somewhere, then n. */
static void *writer(void *arg)
{
        volatile uint64_t *words = arg;

        for (uint64_t n = 1; !stop; n++)
                for (size_t i = 0; i < WRITER_PAGES * WORDS_OF_PAGE; i++)
                        words[i] = n;
        return NULL;
}

static size_t writers_wrong(void)
{
        size_t wrong = 0;

        for (unsigned w = 0; w < WRITERS; w++)
                for (size_t i = 1; i < WRITER_PAGES * WORDS_OF_PAGE; i++) {
                        uint64_t first = written[w][0], now = written[w][i];

                        wrong += now > written[w][i - 1] || first - now > 1;
                }
        return wrong;
}

static int while_threads_write(void)
{
        pthread_t threads[WRITERS];
        pid_t child;

        own_fill(1);
        for (unsigned w = 0; w < WRITERS; w++) {
                written[w] = data_map(WRITER_PAGES * PAGE);
                must(pthread_create(&threads[w], NULL, writer, (void *)written[w]) == 0);
        }
        for (unsigned i = 0; i < 4; i++) {
                usleep(20000);
                child = fork();
                must(child >= 0);
                if (child == 0) {
                        must(writers_wrong() == 0);
                        must(own_wrong(1) == 0);
                        free(heap[0]);
                        heap[0] = data_new(DATA);
                        data_fill(heap[0], DATA, 9);
                        must(data_wrong(heap[0], DATA, 9) == 0);
                        _exit(5);
                }
                must(status_of(child) == 5);
        }
        stop = true;
        for (unsigned w = 0; w < WRITERS; w++)
                pthread_join(threads[w], NULL);
        must(own_wrong(1) == 0);
        puts("four children of a program with writers");
        return 0;
}

static void *fork_here(void *arg)
{
        (void)arg;
        must(status_of(child_of_change(1)) == 7);
        return NULL;
}

static int from_a_thread(void)
{
        pthread_t thread;

        own_fill(1);
        must(pthread_create(&thread, NULL, fork_here, NULL) == 0);
        pthread_join(thread, NULL);
        must(own_wrong(1) == 0);
        puts("forked in a thread");
        return 0;
}

static void *verify_here(void *arg)
{
        must(own_wrong(*(uint64_t *)arg) == 0);
        return NULL;
}

static int child_makes_threads(void)
{
        uint64_t key = 1;
        pthread_t threads[4];
        pid_t child;

        own_fill(key);
        child = fork();
        must(child >= 0);
        if (child == 0) {
                for (unsigned i = 0; i < 4; i++)
                        must(pthread_create(&threads[i], NULL, verify_here, &key) == 0);
                for (unsigned i = 0; i < 4; i++)
                        pthread_join(threads[i], NULL);
                _exit(6);
        }
        must(status_of(child) == 6);
        puts("threads of a child");
        return 0;
}

/* ---- other ways to make a process ----------------------------------------------------------- */

static char *const true_argv[] = {(char *)"sh", (char *)"-c", (char *)"echo executed; exit 9",
                                  NULL};

static int child_executes(void)
{
        pid_t child;

        own_fill(1);
        child = fork();
        must(child >= 0);
        if (child == 0) {
                must(own_wrong(1) == 0);
                execv("/bin/sh", true_argv);
                _exit(1);
        }
        must(status_of(child) == 9);
        child = vfork();
        if (child == 0) {
                execv("/bin/sh", true_argv);
                _exit(1);
        }
        must(status_of(child) == 9);
        must(own_wrong(1) == 0);
        return 0;
}

static int spawned(void)
{
        pid_t child;
        char text[64];
        FILE *pipe;

        own_fill(1);
        must(posix_spawn(&child, "/bin/sh", NULL, NULL, true_argv, environ) == 0);
        must(status_of(child) == 9);
        must(posix_spawnp(&child, "no-such-program-anywhere", NULL, NULL, true_argv, environ) ==
             ENOENT);
        must(WEXITSTATUS(system("exit 11")) == 11);
        pipe = popen("echo from a pipe", "r");
        must(pipe && fgets(text, sizeof(text), pipe));
        printf("%s", text);
        must(pclose(pipe) == 0);
        must(own_wrong(1) == 0);
        return 0;
}

/* ---- many, killed, and with handlers -------------------------------------------------------- */

/* Each part of the data that changes is seen by several of them. */
static int fifty(void)
{
        const unsigned parts = 16;

        own_fill(0);
        for (unsigned i = 0; i < 50; i++) {
                char *part = heap[i % parts];
                pid_t child = fork();

                must(child >= 0);
                if (child == 0) {
                        must(data_wrong(part, DATA / 128, i / parts * 100 + i % parts) == 0);
                        _exit((int)i);
                }
                must(status_of(child) == (int)i);
                data_fill(part, DATA / 128, (i / parts + 1) * 100 + i % parts);
        }
        must(data_wrong(data, DATA / 2, 0) == 0);
        puts("fifty in a row");
        return 0;
}

static int eight_at_once(void)
{
        pid_t children[8];

        own_fill(1);
        for (unsigned i = 0; i < 8; i++)
                children[i] = child_of_change(1);
        own_fill(2);
        for (unsigned i = 0; i < 8; i++)
                must(status_of(children[i]) == 7);
        must(own_wrong(2) == 0);
        puts("eight at once");
        return 0;
}

static int killed_child_disturbs_nobody(void)
{
        own_fill(1);
        for (unsigned i = 0; i < 3; i++) {
                pid_t child = fork();

                must(child >= 0);
                if (child == 0)
                        for (uint64_t key = 5;; key++)
                                own_fill(key);
                usleep(30000);
                must(own_wrong(i + 1) == 0);
                kill(child, SIGKILL);
                must(status_of(child) == -SIGKILL);
                own_fill(i + 2);
        }
        must(own_wrong(4) == 0);
        puts("three killed");
        return 0;
}

static char *kept[3];

static void keep(unsigned i)
{
        free(kept[i]);
        kept[i] = data_new(300000);
        data_fill(kept[i], 300000, i);
        must(data_wrong(data, DATA / 2, 1) == 0);
}

static void on_prepare(void)
{
        keep(0);
}

static void on_parent(void)
{
        keep(1);
}

static void on_child(void)
{
        keep(2);
}

static int handlers_allocate(void)
{
        own_fill(1);
        must(pthread_atfork(on_prepare, on_parent, on_child) == 0);
        for (unsigned i = 0; i < 5; i++) {
                pid_t child = fork();

                must(child >= 0);
                if (child == 0) {
                        must(own_wrong(1) == 0 && data_wrong(kept[2], 300000, 2) == 0);
                        _exit(8);
                }
                must(status_of(child) == 8);
                must(data_wrong(kept[1], 300000, 1) == 0);
        }
        puts("handlers of the program's own");
        return 0;
}

static const struct test_case cases[] = {
        {"both_change", both_change},
        {"freed_before_child_reads", freed_before_child_reads},
        {"grandchildren", grandchildren},
        {"parent_ends_first", parent_ends_first},
        {"while_threads_write", while_threads_write},
        {"from_a_thread", from_a_thread},
        {"child_makes_threads", child_makes_threads},
        {"child_executes", child_executes},
        {"spawned", spawned},
        {"fifty", fifty},
        {"eight_at_once", eight_at_once},
        {"killed_child_disturbs_nobody", killed_child_disturbs_nobody},
        {"handlers_allocate", handlers_allocate},
        {NULL, NULL},
};

int main(int argc, char **argv)
{
        return cases_run(argc, argv, cases);
}
