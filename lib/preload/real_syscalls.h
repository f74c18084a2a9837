/* SPDX-License-Identifier: MIT */
/*
 * real_syscalls.h - the kernel's own calls, for code that must not meet the interposers: this
 * library itself, and the pager, whose object file has its calls renamed to these (see
 * CMakeLists.txt).
 *
 * They answer as their namesakes of the C library do: -1 (or MAP_FAILED) and errno.
 */
#ifndef REAL_SYSCALLS_H
#define REAL_SYSCALLS_H

#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

void *real_mmap(void *addr, size_t len, int prot, int flags, int fd, off_t offset);
int real_munmap(void *addr, size_t len);
int real_mprotect(void *addr, size_t len, int prot);
int real_pkey_mprotect(void *addr, size_t len, int prot, int pkey);
int real_madvise(void *addr, size_t len, int advice);
void *real_mremap(void *addr, size_t old_len, size_t new_len, int flags, void *to);
int real_mlock(const void *addr, size_t len);
int real_mlock2(const void *addr, size_t len, unsigned flags);
int real_munlock(const void *addr, size_t len);
int real_mincore(void *addr, size_t len, unsigned char *vec);
int real_msync(void *addr, size_t len, int flags);
int real_close(int fd);
int real_dup(int fd);
int real_dup2(int fd, int to);
int real_dup3(int fd, int to, int flags);
int real_fcntl(int fd, int command, ...);
int real_open(const char *path, int flags, int mode);
ssize_t real_write(int fd, const void *data, size_t len);
/* All of it: 0, or -errno. Without SIGPIPE and SIGXFSZ, which would be the program's. */
int real_write_all(int fd, const void *data, size_t len);
pid_t real_getpid(void);
_Noreturn void real_exit(int status);

/* Memory for the pager's few structures: pages of their own, never paged, never the heap's. */
void *real_malloc(size_t size);
void *real_calloc(size_t n, size_t size);
void *real_realloc(void *old, size_t size);
void real_free(void *memory);

/* All signals, those of the C library included, but not those of `open`. Masks are the kernel's: 64
 * bits, bit n - 1 for signal n. */
uint64_t real_signals_block(uint64_t open);
void real_signals_restore(uint64_t mask);

#endif
