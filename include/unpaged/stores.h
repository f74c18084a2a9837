/* SPDX-License-Identifier: MIT */
/*
 * stores.h - for applications: constructors of the stores that ship with the library.
 *
 * Each returns 0 and the store in *store, or a negative errno and leaves *store alone;
 * pg_last_error() then has the cause and the remedy in words. `size` in their structures: see the
 * conventions of unpaged.h. A store is closed with pg_store_close() after the last pool that uses
 * it. The stores `zero` and `uninit` need no constructor: every pool has them, under
 * PG_LOCATION_ANON_ZERO and PG_LOCATION_ANON_UNINIT.
 */
#ifndef UNPAGED_STORES_H
#define UNPAGED_STORES_H

#include <unpaged/store.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What lay in the memory of a page is overwritten when the page is freed, or stored anew, and all
 * of it by pg_store_close(). */
#define PG_ZRAM_WIPE (1u << 0)

/*
 * zram: compressed RAM. The default swap store of a pool. All its memory is its own, outside every
 * malloc arena, and grows and shrinks with what it stores.
 */
struct pg_zram_config {
        size_t size;           /* sizeof(struct pg_zram_config) */
        const char *algorithm; /* "words" (NULL means it too): word patterns, which suit what
                                * programs keep in memory; for other pages repetitions, by a way of
                                * its own or, where they are many or the page is larger than 4 KiB,
                                * by lz4; "lz4"; "zstd" */
        int level;             /* lz4, also under words for pages of more than 4 KiB: acceleration,
                                * from 1; zstd: level; 0: the default, which is 1 for lz4 and 4 for
                                * words */
        uint64_t limit_bytes;  /* memory it may use, overhead included; 0: no limit. At the limit
                                * page_out answers -ENOSPC: the page stays with the program. */
        unsigned flags;        /* PG_ZRAM_* */
};

/* config may be NULL for the defaults. -EINVAL: unknown algorithm, or a level it does not have;
 * unknown flags; config->size. -ENOMEM: no address space for its tables. */
int pg_store_zram(struct pg_store **store, const struct pg_zram_config *config) PG_MUST_CHECK
        PG_NONNULL(1);

/* Bypass the kernel's page cache (O_DIRECT). Streams are read up to 1 MiB further than was asked for,
 * into memory of the store's own: what others write there meanwhile may be seen only when the pages
 * are mapped anew or discarded (PG_ADVICE_DISCARD). */
#define PG_FILE_DIRECT (1u << 0)
/* Never write, whatever the descriptor would allow. Implied by a descriptor opened read-only. */
#define PG_FILE_READONLY (1u << 1)
/* The store will be a swap store: what pg_open() would refuse then is refused at once. See
 * below. */
#define PG_FILE_SWAP (1u << 2)
/* As a swap store, it may overwrite what the file holds. */
#define PG_FILE_FORCE (1u << 3)
/* Zeros are written over a place of the swap store when it is freed, and over all of them by
 * pg_store_close(). Not by a process that ends without it. Streams are not read ahead then. */
#define PG_FILE_WIPE (1u << 4)

/*
 * file: a range of a file, a block device or a memfd. Offset 0 of the store is byte `start` of the
 * file. As the store of a mapping its pages are the file's; as a swap store it hands out the places
 * of the range one by one (a range holds one or the other, never both). Bytes of the last page
 * beyond the end of the file read as zeros and are never written.
 *
 * Swap overwrites what is there. So pg_open() refuses, as does the constructor with PG_FILE_SWAP, a
 * file or device whose range has content: it must read as zeros (of a large one a sample is read),
 * or have been swap of this library before, or the flags have PG_FILE_FORCE. Its first page is
 * marked for this, and holds no page of a pool; files without a name are not marked. A device must
 * not be in use, not even with PG_FILE_FORCE, and stays reserved (O_EXCL) until the store is
 * closed.
 */
struct pg_file_config {
        size_t size;     /* sizeof(struct pg_file_config) */
        int fd;          /* duplicated: the caller may close its own */
        unsigned flags;  /* PG_FILE_* */
        uint64_t start;  /* bytes; a multiple of 4096 */
        uint64_t length; /* bytes; 0: up to the end of the file as it is now */
};

/* -EBADF, -EINVAL: a descriptor that is no regular file or block device, a start that is not
 * aligned or beyond the end, O_DIRECT where the filesystem has none; or what open(2) answered.
 * -EINVAL also: unknown flags; config->size. With PG_FILE_SWAP also -EEXIST: it has content;
 * -EBUSY: the device is in use; -EINVAL: it is read-only, or a named file of less than two
 * pages. */
int pg_store_file(struct pg_store **store, const struct pg_file_config *config) PG_MUST_CHECK;

/*
 * tiered: two stores as one. Pages lie in the upper one, zram with a limit, as long as it has room.
 * Then those that were not asked for longest go down into the lower one, a file, 128 KiB at a time.
 * They come up when they are asked for a second time. The store is full when the lower one is; if
 * that fails, what it answers is what page_out answers, and the page stays with the program.
 *
 * A swap store only: it hands out places, and has no content of its own that could be mapped.
 */
struct pg_tiered_config {
        size_t size;            /* sizeof(struct pg_tiered_config) */
        struct pg_store *upper; /* both hand out places, and are PG_STORE_PARALLEL and */
        struct pg_store *lower; /* PG_STORE_KEEPS, as zram and file are. From success on they belong
                                 * to the tiered store, which closes them: no pool may use them. */
};

/* -EINVAL: a store that is not as said; config->size. -ENOMEM: no address space for its tables. */
int pg_store_tiered(struct pg_store **store, const struct pg_tiered_config *config) PG_MUST_CHECK
        PG_NONNULL(1, 2);

#ifdef __cplusplus
}
#endif

#endif
