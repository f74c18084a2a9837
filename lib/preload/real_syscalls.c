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
#include <unistd.h>

void *raw_mmap(void *addr, size_t len, int prot, int flags, int fd, off_t offset)
{
        return (void *)syscall(SYS_mmap, addr, len, prot, flags, fd, offset);
}

int raw_munmap(void *addr, size_t len)
{
        return (int)syscall(SYS_munmap, addr, len);
}

int raw_mprotect(void *addr, size_t len, int prot)
{
        return (int)syscall(SYS_mprotect, addr, len, prot);
}

int raw_pkey_mprotect(void *addr, size_t len, int prot, int pkey)
{
        return (int)syscall(SYS_pkey_mprotect, addr, len, prot, pkey);
}

int raw_madvise(void *addr, size_t len, int advice)
{
        return (int)syscall(SYS_madvise, addr, len, advice);
}

void *raw_mremap(void *addr, size_t old_len, size_t new_len, int flags, void *to)
{
        return (void *)syscall(SYS_mremap, addr, old_len, new_len, flags, to);
}

int raw_mlock(const void *addr, size_t len)
{
        return (int)syscall(SYS_mlock, addr, len);
}

int raw_mlock2(const void *addr, size_t len, unsigned flags)
{
        return (int)syscall(SYS_mlock2, addr, len, flags);
}

int raw_munlock(const void *addr, size_t len)
{
        return (int)syscall(SYS_munlock, addr, len);
}

int raw_mincore(void *addr, size_t len, unsigned char *vec)
{
        return (int)syscall(SYS_mincore, addr, len, vec);
}

int raw_msync(void *addr, size_t len, int flags)
{
        return (int)syscall(SYS_msync, addr, len, flags);
}

int raw_close(int fd)
{
        return (int)syscall(SYS_close, fd);
}

int raw_dup(int fd)
{
        return (int)syscall(SYS_dup, fd);
}

int raw_dup2(int fd, int to)
{
        if (fd == to) /* dup3 refuses that */
                return raw_fcntl(fd, F_GETFD) < 0 ? -1 : to;
        return raw_dup3(fd, to, 0);
}

int raw_dup3(int fd, int to, int flags)
{
        return (int)syscall(SYS_dup3, fd, to, flags);
}

int raw_fcntl(int fd, int command, ...)
{
        va_list args;
        long arg;

        va_start(args, command);
        arg = va_arg(args, long);
        va_end(args);
        return (int)syscall(SYS_fcntl, fd, command, arg);
}

int raw_open(const char *path, int flags, int mode)
{
        return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

ssize_t raw_write(int fd, const void *data, size_t len)
{
        return syscall(SYS_write, fd, data, len);
}

pid_t raw_getpid(void)
{
        return (pid_t)syscall(SYS_getpid);
}

_Noreturn void raw_exit(int status)
{
        for (;;)
                syscall(SYS_exit_group, status);
}

/* ---- memory -------------------------------------------------------------------------------- */

/* The size of the mapping stands before what was asked for. Whoever asks does so a few times in the
 * life of a process. */
#define HEADER ((size_t)64)

void *raw_malloc(size_t size)
{
        size_t all = size + HEADER;
        char *memory;

        if (all < size) {
                errno = ENOMEM;
                return NULL;
        }
        memory = raw_mmap(NULL, all, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED)
                return NULL;
        memcpy(memory, &all, sizeof(all));
        return memory + HEADER;
}

void *raw_calloc(size_t n, size_t size)
{
        size_t all;

        if (__builtin_mul_overflow(n, size, &all)) {
                errno = ENOMEM;
                return NULL;
        }
        return raw_malloc(all);
}

void *raw_realloc(void *old, size_t size)
{
        void *memory = raw_malloc(size);
        size_t before;

        if (old && memory) {
                memcpy(&before, (char *)old - HEADER, sizeof(before));
                before -= HEADER;
                memcpy(memory, old, before < size ? before : size);
                raw_free(old);
        }
        return memory;
}

void raw_free(void *memory)
{
        size_t all;

        if (!memory)
                return;
        memcpy(&all, (char *)memory - HEADER, sizeof(all));
        raw_munmap((char *)memory - HEADER, all);
}

/* ---- signals ------------------------------------------------------------------------------- */

uint64_t raw_signals_block(void)
{
        uint64_t all = UINT64_MAX, before = 0;

        syscall(SYS_rt_sigprocmask, SIG_BLOCK, &all, &before, sizeof(all));
        return before;
}

void raw_signals_restore(uint64_t mask)
{
        syscall(SYS_rt_sigprocmask, SIG_SETMASK, &mask, NULL, sizeof(mask));
}
