/* SPDX-License-Identifier: MIT */
/* file.h - the file store, for its parts: file.c, file_open.c, and file_fork.c for children. */
#ifndef BACKENDS_FILE_H
#define BACKENDS_FILE_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <unpaged/stores.h>

#include "file_ring.h"
#include "file_stage.h"

#define WORD_BITS 64u

/* The smallest page, and the alignment that direct transfers have. */
#define BLOCK 4096u

struct file {
        struct pg_store store;
        struct pg_store_ops ops;
        _Atomic int fd;   /* through the page cache */
        int direct_fd;    /* for whole blocks; -1: there is none */
        _Atomic int heir; /* during a fork, the child's file; see file_fork.c; or -1 */
        uint64_t start;
        struct file_ring *ring;   /* NULL: there is none */
        struct file_stage *stage; /* likewise: only direct files have one */

        _Atomic uint64_t *places; /* a bit per place: taken. NULL in a read-only store */
        _Atomic uint64_t *full;   /* a bit per word of places */
        size_t places_bytes;      /* of the memory that both lie in */
        unsigned flags;           /* PG_FILE_*, as configured */
        bool claimed;             /* it may be overwritten: see file_swap.c */
        bool marked;              /* place 0 is the mark, and no page's */
        pid_t owner;              /* the process whose places these are */
        atomic_bool forking;      /* between fork_prepare and its end */
        bool read_only;           /* in a child: there is no file of its own to write to */
        atomic_bool swaps;        /* a place was handed out once: it holds no mapped file */
        _Atomic uint64_t used;    /* places handed out */
        _Atomic uint64_t cursor;  /* where the next search begins; a hint */
        _Atomic uint64_t refused; /* gets for which there was no place */
};

/* Through the page cache. */
static inline int file_fd(const struct file *file)
{
        return file->heir >= 0 && atomic_load(&file->swaps) && !file->forking ? file->heir
                                                                              : file->fd;
}

static inline struct file *file_of(struct pg_store *store)
{
        return (struct file *)store;
}

/* Moves `length` bytes of the range: whole blocks directly where there is a descriptor for it. */
int file_transfer(const struct file *file, bool write, uint64_t offset, size_t length, char *buf);

/* file_open.c: opens the descriptors, finds the range, and makes what a writable store needs beside.
 * *readonly becomes true where the caller's descriptor cannot write. After an error, which is in
 * words then, file_close() undoes what was done. */
int file_open(struct file *file, const struct pg_file_config *config, bool *readonly,
              uint64_t *extent);

/* Another descriptor of what is open as fd; or -errno. */
int file_reopen(int fd, int flags);

/* file_swap.c */
int file_swap_begin(struct pg_store *store);
/* Zeros over a place that is freed, or over all that are taken; nothing without PG_FILE_WIPE. */
void file_wipe(struct file *file, uint64_t offset);
void file_wipe_all(struct file *file);

int file_fork_prepare(struct pg_store *store);
void file_fork_parent(struct pg_store *store);
int file_fork_child(struct pg_store *store);

#endif
