/* SPDX-License-Identifier: MIT */
/*
 * measure.c - `measure REPORT SECONDS command...` runs a command and waits for every process that
 * comes of it, daemons included: it is the reaper of its descendants. Appends to REPORT one line,
 *
 *     status wall_ms peak_kib
 *
 * where peak_kib is the largest resident size (VmHWM) that any one of them had, and status what a
 * shell would say of the command itself. Exits with that.
 *
 * What is not over after SECONDS hangs: where each thread is goes to REPORT.hung, then they are
 * killed. The status is 124 then, as timeout(1) has it.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define STATUS_HUNG 124

static double now(void)
{
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* The parent of a process; 0 if there is no such process. */
static pid_t parent_of(pid_t pid)
{
        char path[64], text[512], *rest;
        int parent = 0;
        size_t n;
        FILE *f;

        snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
        f = fopen(path, "re");
        if (!f)
                return 0;
        n = fread(text, 1, sizeof(text) - 1, f);
        fclose(f);
        text[n] = '\0';
        rest = strrchr(text, ')'); /* the name before it may hold anything */
        if (!rest || sscanf(rest, ") %*c %d", &parent) != 1)
                return 0;
        return parent;
}

static bool descends_from_us(pid_t pid)
{
        pid_t us = getpid();

        for (pid = parent_of(pid); pid > 1; pid = parent_of(pid)) {
                if (pid == us)
                        return true;
        }
        return false;
}

static void copy_line(FILE *out, const char *directory, const char *file)
{
        char path[384], line[256];
        FILE *f;

        snprintf(path, sizeof(path), "%s/%s", directory, file);
        f = fopen(path, "re");
        if (!f)
                return;
        if (fgets(line, sizeof(line), f)) {
                line[strcspn(line, "\n")] = '\0';
                fprintf(out, " %s", line);
        }
        fclose(f);
}

/* Where its threads are: name, kernel function, system call with arguments and pc. */
static void describe(FILE *out, pid_t pid)
{
        char tasks[64], directory[352];
        struct dirent *task;
        DIR *dir;

        snprintf(tasks, sizeof(tasks), "/proc/%d/task", (int)pid);
        dir = opendir(tasks);
        if (!dir)
                return;
        while ((task = readdir(dir))) {
                if (task->d_name[0] == '.')
                        continue;
                snprintf(directory, sizeof(directory), "%s/%s", tasks, task->d_name);
                fprintf(out, "  %d/%s:", (int)pid, task->d_name);
                copy_line(out, directory, "comm");
                copy_line(out, directory, "wchan");
                copy_line(out, directory, "syscall");
                fputc('\n', out);
        }
        closedir(dir);
}

/* Calls what(out, pid) for each descendant that is there; their number. */
static unsigned each_descendant(FILE *out, void (*what)(FILE *out, pid_t pid))
{
        DIR *dir = opendir("/proc");
        struct dirent *entry;
        unsigned n = 0;

        while (dir && (entry = readdir(dir))) {
                pid_t pid = atoi(entry->d_name);

                if (pid > 1 && descends_from_us(pid)) {
                        what(out, pid);
                        n++;
                }
        }
        if (dir)
                closedir(dir);
        return n;
}

static void end(FILE *out, pid_t pid)
{
        (void)out;
        kill(pid, SIGKILL);
}

static void tell_and_kill(const char *report)
{
        char path[4096];
        FILE *out;

        snprintf(path, sizeof(path), "%s.hung", report);
        out = fopen(path, "ae");
        if (out) {
                each_descendant(out, describe);
                fclose(out);
        }
        /* Again and again: those that fork meanwhile. */
        for (int i = 0; i < 100 && each_descendant(NULL, end) > 0; i++) {
                while (waitpid(-1, NULL, WNOHANG) > 0)
                        continue;
                usleep(10000);
        }
}

/* Waits for all descendants. The wait status of `child`, or -1 if they were not done in time. */
static int reap(pid_t child, double deadline, const sigset_t *chld)
{
        int status = -1, s;

        for (;;) {
                struct timespec left = {.tv_nsec = 100 * 1000 * 1000};
                pid_t pid = waitpid(-1, &s, WNOHANG);

                if (pid == child)
                        status = s;
                else if (pid < 0 && errno == ECHILD)
                        return status;
                else if (pid == 0 && now() > deadline)
                        return -1;
                else if (pid == 0)
                        sigtimedwait(chld, NULL, &left);
        }
}

int main(int argc, char **argv)
{
        struct rusage usage;
        sigset_t chld, old;
        double began = now();
        int status;
        pid_t child;
        FILE *f;

        if (argc < 4) {
                fprintf(stderr, "usage: measure REPORT SECONDS command...\n");
                return 125;
        }
        prctl(PR_SET_CHILD_SUBREAPER, 1);
        sigemptyset(&chld);
        sigaddset(&chld, SIGCHLD);
        sigprocmask(SIG_BLOCK, &chld, &old);
        child = fork();
        if (child == 0) {
                sigprocmask(SIG_SETMASK, &old, NULL);
                execvp(argv[3], argv + 3);
                fprintf(stderr, "measure: %s: %s\n", argv[3], strerror(errno));
                _exit(127);
        }
        status = child < 0 ? -1 : reap(child, began + atof(argv[2]), &chld);
        if (status == -1) {
                tell_and_kill(argv[1]);
                status = STATUS_HUNG;
        } else {
                status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        }
        getrusage(RUSAGE_CHILDREN, &usage);
        f = fopen(argv[1], "ae");
        if (!f) {
                fprintf(stderr, "measure: %s: %s\n", argv[1], strerror(errno));
                return 125;
        }
        fprintf(f, "%d %.0f %ld\n", status, (now() - began) * 1e3, usage.ru_maxrss);
        fclose(f);
        return status;
}
