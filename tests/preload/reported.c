/* SPDX-License-Identifier: MIT */
/*
 * reported.c - processes that end in all ways, for the report of a run (report.sh).
 *
 * Data is counted in MiB. What is filled is written, and read once more: with a smaller budget each
 * page leaves.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void must(int ok, const char *what)
{
        if (ok)
                return;
        perror(what);
        _exit(99);
}

static void fill(size_t mib)
{
        size_t size = mib << 20;
        unsigned char *data = malloc(size);

        must(data != NULL, "malloc");
        for (size_t i = 0; i < size; i += 512)
                data[i] = (unsigned char)(i >> 12);
        for (size_t i = 0; i < size; i += 4096)
                must(data[i] == (unsigned char)(i >> 12), "data");
        free(data);
}

/* Again and again, and then asleep for so long. */
static void fill_and_sleep(size_t mib, unsigned times, unsigned ms)
{
        for (unsigned i = 0; i < times; i++)
                fill(mib);
        usleep(ms * 1000);
}

static void wait_all(void)
{
        while (wait(NULL) > 0)
                ;
}

/* A child that fills so much and ends in that way. */
static void child(size_t mib, void (*end)(int status))
{
        pid_t pid = fork();

        must(pid >= 0, "fork");
        if (pid > 0)
                return;
        fill(mib);
        end(0);
        _exit(98);
}

static void by_kill(int status)
{
        (void)status;
        raise(SIGKILL);
}

static void by_term(int status)
{
        (void)status;
        raise(SIGTERM);
}

static void by_abort(int status)
{
        (void)status;
        abort();
}

/* Six children, and the first process itself. */
static void tree(void)
{
        siginfo_t info;

        child(2, exit);
        child(2, _exit);
        child(2, quick_exit);
        child(2, by_term);
        child(2, by_abort);
        wait_all();
        child(3, by_kill);
        must(waitid(P_ALL, 0, &info, WEXITED | WNOWAIT) == 0, "waitid"); /* it stays a zombie */
        fill(2);
}

static void *exit_here(void *arg)
{
        (void)arg;
        exit(0);
}

static void end_in_thread(void)
{
        pthread_t thread;

        child(2, exit);
        wait_all();
        fill(2);
        must(pthread_create(&thread, NULL, exit_here, NULL) == 0, "pthread_create");
        pthread_join(thread, NULL);
        pause();
}

static void end_by_term(void)
{
        child(2, exit);
        wait_all();
        fill(2);
        raise(SIGTERM);
}

/* At most eight at once. */
static void many(int n)
{
        for (int i = 0; i < n; i++) {
                pid_t pid = fork();

                must(pid >= 0, "fork");
                if (pid == 0)
                        _exit(0);
                if (i >= 8)
                        wait(NULL);
        }
        wait_all();
}

/* Ends after the first process has. */
static void daemon_stays(void (*end)(int status))
{
        pid_t parent = getpid(), pid = fork();

        must(pid >= 0, "fork");
        if (pid == 0) {
                while (getppid() == parent)
                        usleep(1000);
                fill(2);
                _exit(0);
        }
        fill(3);
        end(0);
}

static void vfork_and_end(void)
{
        pid_t pid = vfork();

        must(pid >= 0, "vfork");
        if (pid == 0)
                _exit(0);
        waitpid(pid, NULL, 0);
}

static void vfork_and_execute(const char *self)
{
        pid_t pid = vfork();

        must(pid >= 0, "vfork");
        if (pid == 0) {
                execl(self, self, "fill", "2", NULL);
                _exit(98);
        }
        waitpid(pid, NULL, 0);
}

/* Ten that execute something, and ten that do not. */
static void vforks(const char *self)
{
        for (int i = 0; i < 10; i++) {
                vfork_and_end();
                vfork_and_execute(self);
        }
        fill(2);
}

static void execute(const char *self, const char *mib, const char *then)
{
        fill((size_t)atoi(mib));
        execl("/nonexistent", "nonexistent", NULL); /* it goes on */
        fill(1);
        if (then)
                execl(then, then, NULL);
        execl(self, "another", "fill", "3", NULL);
}

/* The signal comes while it allocates: its handler must not. */
static void allocate_until(long ms)
{
        static void *volatile memory[300];
        struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGTERM};
        struct itimerspec when = {.it_value.tv_nsec = ms * 1000000};
        timer_t timer;

        fill(4);
        must(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0, "timer_create");
        must(timer_settime(timer, 0, &when, NULL) == 0, "timer_settime");
        for (;;) {
                for (size_t i = 0; i < 300; i++)
                        *(volatile char *)(memory[i] = malloc(1000)) = 1;
                for (size_t i = 0; i < 300; i++)
                        free(memory[i]);
        }
}

int main(int argc, char **argv)
{
        const char *what = argc > 1 ? argv[1] : "";

        if (strcmp(what, "fill") == 0)
                fill((size_t)atoi(argv[2]));
        else if (strcmp(what, "sleep") == 0)
                fill_and_sleep((size_t)atoi(argv[2]), (unsigned)atoi(argv[3]),
                               (unsigned)atoi(argv[4]));
        else if (strcmp(what, "tree") == 0)
                tree();
        else if (strcmp(what, "thread") == 0)
                end_in_thread();
        else if (strcmp(what, "term") == 0)
                end_by_term();
        else if (strcmp(what, "allocate") == 0)
                allocate_until(atoi(argv[2]));
        else if (strcmp(what, "many") == 0)
                many(atoi(argv[2]));
        else if (strcmp(what, "daemon") == 0)
                daemon_stays(exit);
        else if (strcmp(what, "killed") == 0)
                daemon_stays(by_kill);
        else if (strcmp(what, "vfork") == 0)
                vforks(argv[0]);
        else if (strcmp(what, "exec") == 0)
                execute(argv[0], argv[2], argv[3]);
        else
                return 97;
        return 0;
}
