/* SPDX-License-Identifier: MIT */
/*
 * real_syscalls.c - the kernel's own calls. See real_syscalls.h.
 *
 * Nothing here may need anything that has to be initialised: some of it is called before the first
 * constructor of the process has run.
 */
#include "real_syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

void *real_mmap(void *addr, size_t len, int prot, int flags, int fd, off_t offset)
{
        return (void *)syscall(SYS_mmap, addr, len, prot, flags, fd, offset);
}

int real_munmap(void *addr, size_t len)
{
        return (int)syscall(SYS_munmap, addr, len);
}

int real_mprotect(void *addr, size_t len, int prot)
{
        return (int)syscall(SYS_mprotect, addr, len, prot);
}

int real_pkey_mprotect(void *addr, size_t len, int prot, int pkey)
{
        return (int)syscall(SYS_pkey_mprotect, addr, len, prot, pkey);
}

int real_madvise(void *addr, size_t len, int advice)
{
        return (int)syscall(SYS_madvise, addr, len, advice);
}

void *real_mremap(void *addr, size_t old_len, size_t new_len, int flags, void *to)
{
        return (void *)syscall(SYS_mremap, addr, old_len, new_len, flags, to);
}

int real_mlock(const void *addr, size_t len)
{
        return (int)syscall(SYS_mlock, addr, len);
}

int real_mlock2(const void *addr, size_t len, unsigned flags)
{
        return (int)syscall(SYS_mlock2, addr, len, flags);
}

int real_munlock(const void *addr, size_t len)
{
        return (int)syscall(SYS_munlock, addr, len);
}

int real_mincore(void *addr, size_t len, unsigned char *vec)
{
        return (int)syscall(SYS_mincore, addr, len, vec);
}

int real_msync(void *addr, size_t len, int flags)
{
        return (int)syscall(SYS_msync, addr, len, flags);
}

int real_close(int fd)
{
        return (int)syscall(SYS_close, fd);
}

int real_dup(int fd)
{
        return (int)syscall(SYS_dup, fd);
}

int real_dup2(int fd, int to)
{
        if (fd == to) /* dup3 refuses that */
                return real_fcntl(fd, F_GETFD) < 0 ? -1 : to;
        return real_dup3(fd, to, 0);
}

int real_dup3(int fd, int to, int flags)
{
        return (int)syscall(SYS_dup3, fd, to, flags);
}

int real_fcntl(int fd, int command, ...)
{
        va_list args;
        long arg;

        va_start(args, command);
        arg = va_arg(args, long);
        va_end(args);
        return (int)syscall(SYS_fcntl, fd, command, arg);
}

int real_open(const char *path, int flags, int mode)
{
        return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

ssize_t real_write(int fd, const void *data, size_t len)
{
        return syscall(SYS_write, fd, data, len);
}

static int write_on(int fd, const char *data, size_t len)
{
        while (len > 0) {
                ssize_t n = real_write(fd, data, len);

                if (n < 0)
                        return -errno;
                data += n;
                len -= (size_t)n;
        }
        return 0;
}

/* A write that fails sends them to its thread, where they are blocked and hence pending; unless
 * they already were. */
int real_write_all(int fd, const void *data, size_t len)
{
        static const struct timespec now = {0};
        const uint64_t one = 1, sent = one << (SIGPIPE - 1) | one << (SIGXFSZ - 1);
        uint64_t pending = 0, ours, before = real_signals_block(0);
        int error;

        syscall(SYS_rt_sigpending, &pending, sizeof(pending));
        error = write_on(fd, data, len);
        ours = sent & ~pending;
        if (error == -EPIPE || error == -EFBIG)
                syscall(SYS_rt_sigtimedwait, &ours, NULL, &now, sizeof(ours));
        real_signals_restore(before);
        return error;
}

pid_t real_getpid(void)
{
        return (pid_t)syscall(SYS_getpid);
}

_Noreturn void real_exit(int status)
{
        for (;;)
                syscall(SYS_exit_group, status);
}

/* ---- memory -------------------------------------------------------------------------------- */

/* The size of the mapping stands before what was asked for. Programs ask a few times in the
 * life of a process. */
#define HEADER ((size_t)64)

void *real_malloc(size_t size)
{
        size_t all = size + HEADER;
        char *memory;

        if (all < size) {
                errno = ENOMEM;
                return NULL;
        }
        memory = real_mmap(NULL, all, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED)
                return NULL;
        memcpy(memory, &all, sizeof(all));
        return memory + HEADER;
}

void *real_calloc(size_t n, size_t size)
{
        size_t all;

        if (__builtin_mul_overflow(n, size, &all)) {
                errno = ENOMEM;
                return NULL;
        }
        return real_malloc(all);
}

void *real_realloc(void *old, size_t size)
{
        void *memory = real_malloc(size);
        size_t before;

        if (old && memory) {
                memcpy(&before, (char *)old - HEADER, sizeof(before));
                before -= HEADER;
                memcpy(memory, old, before < size ? before : size);
                real_free(old);
        }
        return memory;
}

void real_free(void *memory)
{
        size_t all;

        if (!memory)
                return;
        memcpy(&all, (char *)memory - HEADER, sizeof(all));
        real_munmap((char *)memory - HEADER, all);
}

/* ---- signals ------------------------------------------------------------------------------- */

uint64_t real_signals_block(uint64_t open)
{
        uint64_t blocked = ~open, before = 0;

        syscall(SYS_rt_sigprocmask, SIG_BLOCK, &blocked, &before, sizeof(blocked));
        return before;
}

void real_signals_restore(uint64_t mask)
{
        syscall(SYS_rt_sigprocmask, SIG_SETMASK, &mask, NULL, sizeof(mask));
}
