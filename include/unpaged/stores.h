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
};

/* config may be NULL for the defaults. -EINVAL: unknown algorithm, or a level it does not have;
 * config->size. -ENOMEM: no address space for its tables. */
int pg_store_zram(struct pg_store **store, const struct pg_zram_config *config) PG_MUST_CHECK
        PG_NONNULL(1);

/* Bypass the kernel's page cache (O_DIRECT). Streams are read up to 1 MiB further than was asked for,
 * into memory of the store's own: what others write there meanwhile may be seen only when the pages
 * are mapped anew or discarded (PG_ADVICE_DISCARD). */
#define PG_FILE_DIRECT (1u << 0)
/* Never write, whatever the descriptor would allow. Implied by a descriptor opened read-only. */
#define PG_FILE_READONLY (1u << 1)

/*
 * file: a range of a file, a block device or a memfd. Offset 0 of the store is byte `start` of the
 * file. As the store of a mapping its pages are the file's; as a swap store it hands out the places
 * of the range one by one (a range holds one or the other, never both). Bytes of the last page
 * beyond the end of the file read as zeros and are never written.
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
 * -EINVAL also: unknown flags; config->size. */
int pg_store_file(struct pg_store **store, const struct pg_file_config *config) PG_MUST_CHECK;

#ifdef __cplusplus
}
#endif

#endif
