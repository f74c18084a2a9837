/* SPDX-License-Identifier: MIT */
/* uffd.h - the only door to the kernel's userfaultfd and to the page tables. See uffd.c. */
#ifndef UFFD_H
#define UFFD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

struct uffd_msg;

struct uffd {
        int fd;
        int device; /* /dev/userfaultfd, kept open: a child may have lost the right to it; or -1 */
        uint64_t features;
        bool sigbus;
        bool inherit;         /* a child of fork has the memory too */
        bool can_move;        /* pages can be moved between the program and the slots */
        bool can_poison;      /* a page can be made to raise SIGBUS */
        bool has_thread;      /* messages carry the thread id */
        _Atomic bool can_ask; /* which of scattered pages are mapped: move_pages(2) */
        int pagemap;          /* /proc/self/pagemap, or -1 */
        int memory;           /* /proc/self/mem, or -1 */
};

/* Opens and negotiates. sigbus: faults arrive as SIGBUS, not as messages. 0 or -errno, and the
 * cause in words. */
int uffd_open(struct uffd *u, bool sigbus);
/* Nothing is open: then uffd_close does nothing. */
void uffd_none(struct uffd *u);
void uffd_close(struct uffd *u);
/* In a child of fork: one of its own, as the parent's was opened; nothing is registered. */
int uffd_reopen(struct uffd *u);

/*
 * uffd_keep.c. Whether the calling thread can use the userfaultfd: 0; or -errno. -EBADF: it was
 * closed. -ENOTTY: another file has taken its number. Anything else: a filter of system calls.
 */
int uffd_answers(const struct uffd *u);
/* The calling thread gets a table of descriptors of its own, in which only the userfaultfd is open,
 * under the same number; false: it could not. Then, before the thread ends: it is closed there. */
bool uffd_keep_only(const struct uffd *u);
void uffd_keep_end(const struct uffd *u);

/* Program memory: missing pages and writes to protected ones fault. */
int uffd_register(const struct uffd *u, void *addr, size_t len);
/* Slots: pages may be moved here; missing pages are filled with zeros by the kernel. */
int uffd_register_slots(const struct uffd *u, void *addr, size_t len);

/*
 * Transfers. Each returns 0 or -errno and, in *done, how many bytes from the start were
 * transferred; a caller deals in whole pages and so must undo a part. None wakes: the owner of a
 * page does when it has committed.
 */
int uffd_copy(const struct uffd *u, void *dst, const void *src, size_t len, bool protect,
              size_t *done);
int uffd_move(const struct uffd *u, void *dst, void *src, size_t len, size_t *done);

int uffd_protect(const struct uffd *u, void *addr, size_t len);
int uffd_unprotect(const struct uffd *u, void *addr, size_t len);
/* 0, or -errno: the kernel refuses, as in uffd_answers. */
int uffd_wake(const struct uffd *u, void *addr, size_t len);

/* Accesses raise SIGBUS from now on (wakes). With can_poison, until uffd_drop; else until
 * uffd_replace puts a page with this content there, in one step and writable if `prot` is. */
int uffd_poison(const struct uffd *u, void *addr, size_t len);
int uffd_replace(const struct uffd *u, void *addr, const void *data, size_t len, int prot);

/* Writes raise SIGSEGV from now on. */
void uffd_refuse_writes(void *addr, size_t len);

/* Reads program memory whatever its protection is. At a hole it fails with -EIO, and does not
 * wait. */
int uffd_peek(const struct uffd *u, void *dst, const void *src, size_t len);
/* Makes pages that the process once shared with a child its own again. They may be written to
 * meanwhile; they must not be write-protected. */
int uffd_unshare(void *addr, size_t len);

/* Frees the physical memory of a range; the pages are missing then. -EINVAL: it is mlocked. */
int uffd_drop(void *addr, size_t len);
/* The same of memory whose content nobody wants any more, locked or not. Before Linux 5.18 what is
 * locked keeps its memory. */
void uffd_forget(void *addr, size_t len);
/* Drops scattered ranges; of one that is refused the others are dropped all the same. */
int uffd_drop_ranges(const struct iovec *ranges, size_t n);

/* Which of n pages of 4 KiB are mapped: there[i] is negative of those that are not. False: the
 * kernel does not tell. */
bool uffd_find_present(struct uffd *u, void **addrs, int *there, unsigned n);
/* How much of a range the kernel has, in memory or in its own swap. */
enum uffd_presence { UFFD_NOTHING, UFFD_SOME, UFFD_ALL };
enum uffd_presence uffd_present(const struct uffd *u, const void *addr, size_t len);
/* A second opinion, from another interface: true if any of it is in memory. */
bool uffd_in_core(const void *addr, size_t len);

/* Blocks for the next message. 1, or -errno. */
int uffd_read(const struct uffd *u, struct uffd_msg *message);

#endif
