/* SPDX-License-Identifier: MIT */
/*
 * interposer.c - a preloaded library as libfaketime and torsocks are: it has functions of the C
 * library's names, which work once its constructor has run. A call that comes earlier, or from the
 * paging library, would not be made if the program ran alone: it ends the process.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static bool ready;

__attribute__((constructor)) static void make_ready(void)
{
        ready = true;
}

#define OUT __attribute__((visibility("default")))

/* The function after this one, for a caller that may call. */
static void *after(const char *name, const void *caller)
{
        Dl_info info;

        if (!ready || (dladdr(caller, &info) && strstr(info.dli_fname, "libunpaged-preload.so")))
                __builtin_trap();
        return dlsym(RTLD_NEXT, name);
}

#define PASS(type, name, parameters, arguments)                                                    \
        OUT type name parameters                                                                   \
        {                                                                                          \
                type(*real) parameters =                                                           \
                        (type(*) parameters)after(#name, __builtin_return_address(0));             \
                                                                                                   \
                return real arguments;                                                             \
        }

PASS(int, clock_gettime, (clockid_t id, struct timespec *t), (id, t))
PASS(int, gettimeofday, (struct timeval *restrict t, void *restrict zone), (t, zone))
PASS(int, nanosleep, (const struct timespec *t, struct timespec *rest), (t, rest))
PASS(char *, secure_getenv, (const char *name), (name))
PASS(ssize_t, read, (int fd, void *to, size_t size), (fd, to, size))
PASS(ssize_t, write, (int fd, const void *from, size_t size), (fd, from, size))
PASS(int, fstat, (int fd, struct stat *st), (fd, st))
PASS(int, pthread_mutex_lock, (pthread_mutex_t * mutex), (mutex))
PASS(int, sched_yield, (void), ())
PASS(pid_t, getpid, (void), ())
PASS(long, sysconf, (int what), (what))
PASS(void *, memchr, (const void *at, int c, size_t size), (at, c, size))

OUT int open(const char *path, int flags, ...)
{
        int (*real)(const char *, int, ...) =
                (int (*)(const char *, int, ...))after("open", __builtin_return_address(0));
        va_list args;
        int mode;

        va_start(args, flags);
        mode = va_arg(args, int);
        va_end(args);
        return real(path, flags, mode);
}

OUT int ioctl(int fd, unsigned long request, ...)
{
        int (*real)(int, unsigned long, ...) =
                (int (*)(int, unsigned long, ...))after("ioctl", __builtin_return_address(0));
        va_list args;
        void *argument;

        va_start(args, request);
        argument = va_arg(args, void *);
        va_end(args);
        return real(fd, request, argument);
}

OUT long syscall(long number, ...)
{
        long (*real)(long, ...) =
                (long (*)(long, ...))after("syscall", __builtin_return_address(0));
        long word[6];
        va_list args;

        va_start(args, number);
        for (unsigned i = 0; i < 6; i++)
                word[i] = va_arg(args, long);
        va_end(args);
        return real(number, word[0], word[1], word[2], word[3], word[4], word[5]);
}
