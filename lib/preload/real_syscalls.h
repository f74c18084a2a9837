/* SPDX-License-Identifier: MIT */
/*
 * real_syscalls.h - the kernel's own calls, for whoever must not meet the interposers: this library itself,
 * and the pager, whose object file has its calls renamed to these (see CMakeLists.txt).
 *
 * They answer as their namesakes of the C library do: -1 (or MAP_FAILED) and errno.
 */
#ifndef RAW_H
#define RAW_H

#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

void *raw_mmap(void *addr, size_t len, int prot, int flags, int fd, off_t offset);
int raw_munmap(void *addr, size_t len);
int raw_mprotect(void *addr, size_t len, int prot);
int raw_pkey_mprotect(void *addr, size_t len, int prot, int pkey);
int raw_madvise(void *addr, size_t len, int advice);
void *raw_mremap(void *addr, size_t old_len, size_t new_len, int flags, void *to);
int raw_mlock(const void *addr, size_t len);
int raw_mlock2(const void *addr, size_t len, unsigned flags);
int raw_munlock(const void *addr, size_t len);
int raw_mincore(void *addr, size_t len, unsigned char *vec);
int raw_msync(void *addr, size_t len, int flags);
int raw_close(int fd);
int raw_dup(int fd);
int raw_dup2(int fd, int to);
int raw_dup3(int fd, int to, int flags);
int raw_fcntl(int fd, int command, ...);
int raw_open(const char *path, int flags, int mode);
ssize_t raw_write(int fd, const void *data, size_t len);
pid_t raw_getpid(void);
_Noreturn void raw_exit(int status);

/* Memory for the pager's few structures: pages of their own, never paged, never the heap's. */
void *raw_malloc(size_t size);
void *raw_calloc(size_t n, size_t size);
void *raw_realloc(void *old, size_t size);
void raw_free(void *memory);

/* All signals, those of the C library included. The mask is the kernel's: 64 bits. */
uint64_t raw_signals_block(void);
void raw_signals_restore(uint64_t mask);

#endif
