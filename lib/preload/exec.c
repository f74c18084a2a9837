/* SPDX-License-Identifier: MIT */
/*
 * exec.c - execve and its relatives, and posix_spawn.
 *
 * Two things happen before another program replaces this one: its statistics are told, and if
 * the other is one that our presence would harm (see elf.h), this library is taken out of the
 * environment it gets. All of it may run between vfork() and the end of the child: nothing is
 * allocated, and no variable changes, but for those of stats.c, which knows whose they are, and
 * what complaint.c knows of the tree, which is true of the parent, too.
 */
#include "elf.h"
#include "environment.h"
#include "preload.h"
#include "real_syscalls.h"
#include "text.h"

#include <alloca.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdarg.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

typedef int spawn_fn(pid_t *, const char *, const posix_spawn_file_actions_t *,
                     const posix_spawnattr_t *, char *const[], char *const[]);

static struct {
        int (*execvpe)(const char *, char *const[], char *const[]);
        int (*fexecve)(int, char *const[], char *const[]);
        spawn_fn *spawn, *spawnp;
} real;

static void *exec_next(const char *name)
{
        return dlsym(RTLD_NEXT, name);
}

void exec_init(void)
{
        if (real.spawnp)
                return;
        real.execvpe = (int (*)(const char *, char *const[], char *const[]))exec_next("execvpe");
        real.fexecve = (int (*)(int, char *const[], char *const[]))exec_next("fexecve");
        real.spawn = (spawn_fn *)exec_next("posix_spawn");
        real.spawnp = (spawn_fn *)exec_next("posix_spawnp");
}

/* ---- what is going to run ------------------------------------------------------------------- */

/* Where a name without a slash is found, as execvp looks for it; or the name itself. */
static const char *look_up(const char *name, char path[PATH_MAX])
{
        const char *list = environment_find(environ, "PATH");
        size_t len = strlen(name);

        if (strchr(name, '/') || len == 0)
                return name;
        for (list = list ? list : "/bin:/usr/bin";; list++) {
                size_t folder = strcspn(list, ":");

                if (folder + len + 2 <= PATH_MAX) {
                        memcpy(path, list, folder);
                        path[folder] = '/';
                        memcpy(path + folder + (folder > 0), name, len + 1);
                        if (access(path, X_OK) == 0)
                                return path;
                }
                list += folder;
                if (!*list)
                        return name;
        }
}

/* Would our presence harm it, and would we be there? */
static bool is_harmed(const char *path, char *const *environment)
{
        struct elf_verdict verdict;

        if (!environment || !environment_find(environment, "LD_PRELOAD"))
                return false;
        verdict = elf_judge(path);
        if (verdict.refusal)
                complain(path, ": runs unpaged: ", verdict.refusal, NULL);
        return verdict.refusal && verdict.harmed;
}

/* The environment for `path`: `given`, or a copy of it on the caller's stack. */
#define ENVIRONMENT_FOR(path, given)                                                               \
        (is_harmed(path, given) ? copy_without(alloca(environment_count(given) * sizeof(char *)),  \
                                               alloca(environment_text(given)), given)             \
                                : (char **)(uintptr_t)(given))

static char **copy_without(char **to, char *text, char *const *given)
{
        return environment_without(to, text, given, false) ? to : (char **)(uintptr_t)given;
}

static bool is_set(char *const *environment, const char *name)
{
        const char *value = environment_find(environment, name);

        return value && *value;
}

/* It will know of the run, and that a report is wanted. */
static bool environment_tells(char *const *environment)
{
        return environment_has_us(environment) && !is_set(environment, "UNPAGED_OFF") &&
               is_set(environment, "UNPAGED_REPORT") &&
               (is_set(environment, "UNPAGED_STATS") || is_set(environment, "UNPAGED_STATS_JSON"));
}

/* Nothing of ours will be in the process any more that could write the run's report. */
static bool is_last(const char *path, char *const *environment)
{
        return stats_is_first() && (!environment_tells(environment) || elf_refusal(path));
}

static int failed(int result)
{
        int saved = errno;

        stats_again();
        errno = saved;
        return result;
}

/* ---- exec ----------------------------------------------------------------------------------- */

EXPORT int execve(const char *path, char *const argv[], char *const envp[])
{
        char **environment = ENVIRONMENT_FOR(path, envp);

        process_executes(is_last(path, environment));
        return failed((int)syscall(SYS_execve, path, argv, environment));
}

EXPORT int execv(const char *path, char *const argv[])
{
        return execve(path, argv, environ);
}

EXPORT int execvpe(const char *name, char *const argv[], char *const envp[])
{
        char room[PATH_MAX];
        const char *path;
        char **environment;

        exec_init();
        path = look_up(name, room);
        environment = ENVIRONMENT_FOR(path, envp);
        process_executes(is_last(path, environment));
        return failed(real.execvpe(name, argv, environment));
}

EXPORT int execvp(const char *name, char *const argv[])
{
        return execvpe(name, argv, environ);
}

EXPORT int fexecve(int fd, char *const argv[], char *const envp[])
{
        struct text path = {0};
        char **environment;

        exec_init();
        text_add(&path, "/proc/self/fd/");
        text_number(&path, fd < 0 ? 0 : (uint64_t)fd);
        environment = ENVIRONMENT_FOR(path.at, envp);
        process_executes(is_last(path.at, environment));
        return failed(real.fexecve(fd, argv, environment));
}

EXPORT int execveat(int folder, const char *name, char *const argv[], char *const envp[], int flags)
{
        struct text path = {0};
        char **environment;

        if (name[0] != '/' && folder != AT_FDCWD) {
                text_add(&path, "/proc/self/fd/");
                text_number(&path, folder < 0 ? 0 : (uint64_t)folder);
                if (name[0])
                        text_add(&path, "/");
        }
        text_add(&path, name);
        environment = ENVIRONMENT_FOR(path.at, envp);
        process_executes(is_last(path.at, environment));
        return failed((int)syscall(SYS_execveat, folder, name, argv, environment, flags));
}

/* ---- with arguments one by one -------------------------------------------------------------- */

static size_t count_arguments(const char *first, va_list rest)
{
        size_t n = 1;

        while (first) {
                first = va_arg(rest, const char *);
                n++;
        }
        return n;
}

/* Leaves `rest` behind the NULL that ends the arguments. */
static void collect(char **argv, const char *first, va_list *rest)
{
        while ((*argv++ = (char *)(uintptr_t)first))
                first = va_arg(*rest, const char *);
}

/* alloca must be in the function that calls exec. */
#define COLLECT(argv, first, rest)                                                                 \
        do {                                                                                       \
                va_start(rest, first);                                                             \
                (argv) = alloca(count_arguments(first, rest) * sizeof(char *));                    \
                va_end(rest);                                                                      \
                va_start(rest, first);                                                             \
                collect(argv, first, &(rest));                                                     \
        } while (0)

EXPORT int execl(const char *path, const char *first, ...)
{
        va_list rest;
        char **argv;

        COLLECT(argv, first, rest);
        va_end(rest);
        return execve(path, argv, environ);
}

EXPORT int execlp(const char *name, const char *first, ...)
{
        va_list rest;
        char **argv;

        COLLECT(argv, first, rest);
        va_end(rest);
        return execvpe(name, argv, environ);
}

EXPORT int execle(const char *path, const char *first, ...)
{
        char *const *envp;
        va_list rest;
        char **argv;

        COLLECT(argv, first, rest);
        envp = va_arg(rest, char *const *);
        va_end(rest);
        return execve(path, argv, envp);
}

/* ---- spawn ---------------------------------------------------------------------------------- */

EXPORT int posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
                       const posix_spawnattr_t *attr, char *const argv[], char *const envp[])
{
        exec_init();
        return real.spawn(pid, path, actions, attr, argv, ENVIRONMENT_FOR(path, envp));
}

EXPORT int posix_spawnp(pid_t *pid, const char *name, const posix_spawn_file_actions_t *actions,
                        const posix_spawnattr_t *attr, char *const argv[], char *const envp[])
{
        char path[PATH_MAX];

        exec_init();
        return real.spawnp(pid, name, actions, attr, argv,
                           ENVIRONMENT_FOR(look_up(name, path), envp));
}
