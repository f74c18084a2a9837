/* SPDX-License-Identifier: MIT */
/*
 * zram_codec.h - the compressors of zram, and a fixed pool of contexts to run them in.
 *
 * A context is a codec's working memory and a page of scratch, too big for the stack and not to be
 * allocated in a fault handler. Up to ZRAM_CONTEXTS are laid out in reserved address space; one is
 * made when all that exist are taken and the budget allows it, else the caller sleeps until one is
 * put back. The first is made by zram_codec_start(), so somebody always gets on.
 */
#ifndef BACKENDS_ZRAM_CODEC_H
#define BACKENDS_ZRAM_CODEC_H

#include "budget.h"
#include "futex_lock.h"

#define ZRAM_CONTEXTS 8

struct zram_codec;

struct zram_codecs {
        const struct zram_codec *codec;
        struct budget *budget;
        int level;
        size_t page_size;      /* set once by zram_codec_start */
        size_t compress_bytes; /* working memory for pages of page_size: set once likewise */
        char *contexts;        /* ZRAM_CONTEXTS of context_bytes each */
        size_t context_bytes;  /* reserved for each */

        _Atomic uint32_t idle; /* bit i: context i is made and nobody has it */
        _Atomic uint32_t made; /* contexts 0 .. made-1 exist */
        _Atomic uint32_t sleepers;
};

/* -EINVAL: unknown algorithm, or a level it does not have. -ENOMEM: no address space. */
int zram_codec_open(struct zram_codecs *codecs, struct budget *budget, const char *algorithm,
                    int level);
void zram_codec_close(struct zram_codecs *codecs);

/* Once, before any of the calls below. -ENOSPC: the budget has no room for a single context. */
int zram_codec_start(struct zram_codecs *codecs, size_t page_size);

/* In a child of fork: those who had contexts are not here. */
void zram_codec_restart(struct zram_codecs *codecs);

/* Takes a context, sleeping while there is none. */
unsigned zram_codec_take(struct zram_codecs *codecs);
void zram_codec_put(struct zram_codecs *codecs, unsigned context);

/* Compresses a page into the context's scratch, and returns it in *packed and its length; 0 if it
 * would be longer than `most` bytes. */
size_t zram_codec_pack(struct zram_codecs *codecs, unsigned context, const void *page, size_t most,
                       const void **packed);

/* False: `packed` is not a compressed page. Takes a context itself if the codec needs one. */
bool zram_codec_unpack(struct zram_codecs *codecs, const void *packed, size_t length, void *page);

#endif
