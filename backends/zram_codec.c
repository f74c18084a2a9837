/* SPDX-License-Identifier: MIT */
/*
 * zram_codec.c - the compressors behind one small table, in preallocated contexts.
 *
 * `words`, the default, tries zram_wkdm.c first, and zram_lz77.c for the pages that are no good
 * for that, or lz4 when they are larger than 4 KiB or full of repetitions; the last byte of a packed page tells which it was.
 *
 * Layout of a context, in reserved memory:  [ state to compress | state to expand | scratch ].
 * zstd's own "static" contexts live in the two states and never allocate; they are sized for the
 * page size in use, which only the first operation tells. lz4 expands without a state.
 *
 * Invariants: idle < 1 << made; a set bit of `idle` is a context that nobody has.
 * Locking: `idle` is the lock: a cleared bit owns its context. A waiter counts itself in `sleepers`
 * before it looks at `idle` again, and a giver sets its bit before it looks at `sleepers`; both are
 * sequentially consistent, so one of them sees the other.
 */
#define ZSTD_STATIC_LINKING_ONLY
#include "zram_codec.h"
#include "arena.h"
#include "last_error.h"
#include "zram_lz77.h"
#include "zram_wkdm.h"
#include "kernel_page.h"

#include <limits.h>
#include <lz4.h>
#include <string.h>
#include <zstd.h>

_Static_assert(REPEATS_SLACK <= WORDS_SLACK, "context_size");

#define PAGE_MAX           ((size_t)2 << 20)
#define LZ4_ACCELERATION   65537 /* lz4 takes more for this */
#define WORDS_ACCELERATION 4
/* What words must save: the others may save more, but take several times as long. */
#define WORDS_MOST(page_size) ((page_size) / 8 * 5)

struct zram_codec {
        const char *name;
        int (*level)(int level); /* the level to use for a configured one; INT_MIN: no such level */
        size_t (*compress_bytes)(int level, size_t page_size);
        size_t (*expand_bytes)(void); /* 0: expands without a state */
        bool (*make)(void *compress, size_t compress_bytes, void *expand, size_t expand_bytes);
        /* Length, or 0 when it does not fit. */
        size_t (*pack)(void *state, int level, const void *page, size_t page_size, void *packed,
                       size_t most);
        /* Bytes of the page, or anything else for an error. */
        size_t (*unpack)(void *state, const void *packed, size_t length, void *page,
                         size_t page_size);
};

static size_t align(size_t bytes)
{
        return (bytes + 63) & ~(size_t)63;
}

/* --- lz4 --- */

static int lz4_level(int level)
{
        if (level < 0 || level > LZ4_ACCELERATION)
                return INT_MIN;
        return level ? level : 1;
}

static size_t lz4_compress_bytes(int level, size_t page_size)
{
        (void)level;
        (void)page_size;
        return (size_t)LZ4_sizeofState();
}

static size_t lz4_expand_bytes(void)
{
        return 0;
}

static bool lz4_make(void *compress, size_t compress_bytes, void *expand, size_t expand_bytes)
{
        (void)compress;
        (void)compress_bytes;
        (void)expand;
        (void)expand_bytes;
        return true;
}

static size_t lz4_pack(void *state, int level, const void *page, size_t page_size, void *packed,
                       size_t most)
{
        int length =
                LZ4_compress_fast_extState(state, page, packed, (int)page_size, (int)most, level);

        return length > 0 ? (size_t)length : 0;
}

static size_t lz4_unpack(void *state, const void *packed, size_t length, void *page,
                         size_t page_size)
{
        int got = LZ4_decompress_safe(packed, page, (int)length, (int)page_size);

        (void)state;
        return got > 0 ? (size_t)got : 0;
}

/* --- words --- */

enum packed_by { PACKED_BY_LZ4, PACKED_BY_WORDS, PACKED_BY_REPEATS };

/* What is left to lz4 is mostly text, of which it makes 6 to 7 % more in 12 to 30 % less time so. */
static int words_level(int level)
{
        return lz4_level(level ? level : WORDS_ACCELERATION);
}

static size_t words_compress_bytes(int level, size_t page_size)
{
        size_t lz4 = lz4_compress_bytes(level, page_size), words = words_state_bytes(page_size);

        size_t most = lz4 > words ? lz4 : words;

        return most > repeats_state_bytes() ? most : repeats_state_bytes();
}

/* Packs in the other way, which goes into *by. */
static size_t others_pack(void *state, int level, const void *page, size_t page_size, void *packed,
                          size_t most, char *by)
{
        bool too_many;
        size_t length;

        if (page_size == REPEATS_PAGE) {
                *by = PACKED_BY_REPEATS;
                length = repeats_pack(page, state, packed, most, &too_many);
                if (!too_many)
                        return length;
                level = 1; /* where there is much to find, acceleration saves no time */
        }
        *by = PACKED_BY_LZ4;
        return lz4_pack(state, level, page, page_size, packed, most);
}

static size_t words_or_others_pack(void *state, int level, const void *page, size_t page_size,
                                   void *packed, size_t most)
{
        size_t words_most = WORDS_MOST(page_size) < most ? WORDS_MOST(page_size) : most;
        char by = PACKED_BY_WORDS;
        size_t length;

        if (most == 0)
                return 0;
        length = words_pack(page, page_size, state, packed, words_most - 1);
        if (length == 0)
                length = others_pack(state, level, page, page_size, packed, most - 1, &by);
        if (length)
                ((char *)packed)[length++] = by;
        return length;
}

static size_t words_or_others_unpack(void *state, const void *packed, size_t length, void *page,
                                     size_t page_size)
{
        if (length == 0)
                return 0;
        length--;
        switch (((const char *)packed)[length]) {
        case PACKED_BY_LZ4:
                return lz4_unpack(state, packed, length, page, page_size);
        case PACKED_BY_WORDS:
                return words_unpack(packed, length, page, page_size) ? page_size : 0;
        case PACKED_BY_REPEATS:
                return page_size == REPEATS_PAGE && repeats_unpack(packed, length, page) ? page_size
                                                                                         : 0;
        default:
                return 0;
        }
}

/* --- zstd --- */

static int zstd_level(int level)
{
        if (level < ZSTD_minCLevel() || level > ZSTD_maxCLevel())
                return INT_MIN;
        return level ? level : ZSTD_CLEVEL_DEFAULT;
}

static size_t zstd_compress_bytes(int level, size_t page_size)
{
        return ZSTD_estimateCCtxSize_usingCParams(ZSTD_getCParams(level, page_size, 0));
}

static size_t zstd_expand_bytes(void)
{
        return ZSTD_estimateDCtxSize();
}

/* A static context is its own address, so the states need not be remembered. */
static bool zstd_make(void *compress, size_t compress_bytes, void *expand, size_t expand_bytes)
{
        return ZSTD_initStaticCCtx(compress, compress_bytes) == compress &&
               ZSTD_initStaticDCtx(expand, expand_bytes) == expand;
}

static size_t zstd_pack(void *state, int level, const void *page, size_t page_size, void *packed,
                        size_t most)
{
        size_t length = ZSTD_compressCCtx(state, packed, most, page, page_size, level);

        return ZSTD_isError(length) ? 0 : length;
}

static size_t zstd_unpack(void *state, const void *packed, size_t length, void *page,
                          size_t page_size)
{
        return ZSTD_decompressDCtx(state, page, page_size, packed, length);
}

static const struct zram_codec codec_table[] = {
        {"words", words_level, words_compress_bytes, lz4_expand_bytes, lz4_make,
         words_or_others_pack, words_or_others_unpack},
        {"lz4", lz4_level, lz4_compress_bytes, lz4_expand_bytes, lz4_make, lz4_pack, lz4_unpack},
        {"zstd", zstd_level, zstd_compress_bytes, zstd_expand_bytes, zstd_make, zstd_pack,
         zstd_unpack},
};

/* --- contexts --- */

static char *compress_state(const struct zram_codecs *codecs, unsigned context)
{
        return codecs->contexts + context * codecs->context_bytes;
}

static char *expand_state(const struct zram_codecs *codecs, unsigned context)
{
        return compress_state(codecs, context) + align(codecs->compress_bytes);
}

static char *scratch(const struct zram_codecs *codecs, unsigned context)
{
        return expand_state(codecs, context) + align(codecs->codec->expand_bytes());
}

/* What a context of this page size touches, and the most it may need. */
static size_t context_size(const struct zram_codecs *codecs, size_t page_size)
{
        return budget_round(codecs->budget,
                            align(codecs->codec->compress_bytes(codecs->level, page_size)) +
                                    align(codecs->codec->expand_bytes()) + page_size + WORDS_SLACK);
}

/* Makes one more context, owned by the caller; false if there may be none. */
static bool context_make(struct zram_codecs *codecs, unsigned *context)
{
        size_t bytes = context_size(codecs, codecs->page_size);
        uint32_t made = atomic_load(&codecs->made);

        if (made == ZRAM_CONTEXTS || !budget_charge(codecs->budget, bytes))
                return false;
        while (made < ZRAM_CONTEXTS &&
               !atomic_compare_exchange_weak(&codecs->made, &made, made + 1))
                ;
        if (made == ZRAM_CONTEXTS) {
                budget_credit(codecs->budget, bytes);
                return false;
        }
        *context = made;
        return codecs->codec->make(compress_state(codecs, made), codecs->compress_bytes,
                                   expand_state(codecs, made), codecs->codec->expand_bytes());
}

static bool context_claim(struct zram_codecs *codecs, unsigned *context)
{
        uint32_t idle = atomic_load(&codecs->idle);

        while (idle) {
                *context = (unsigned)__builtin_ctz(idle);
                if (atomic_compare_exchange_weak(&codecs->idle, &idle, idle & (idle - 1)))
                        return true;
        }
        return false;
}

unsigned zram_codec_take(struct zram_codecs *codecs)
{
        unsigned context;

        if (context_claim(codecs, &context) || context_make(codecs, &context))
                return context;
        atomic_fetch_add(&codecs->sleepers, 1);
        while (!context_claim(codecs, &context))
                futex_wait(&codecs->idle, 0, 0);
        atomic_fetch_sub(&codecs->sleepers, 1);
        return context;
}

void zram_codec_put(struct zram_codecs *codecs, unsigned context)
{
        atomic_fetch_or(&codecs->idle, 1u << context);
        if (atomic_load(&codecs->sleepers))
                futex_wake(&codecs->idle, 1);
}

size_t zram_codec_pack(struct zram_codecs *codecs, unsigned context, const void *page, size_t most,
                       const void **packed)
{
        *packed = scratch(codecs, context);
        return codecs->codec->pack(compress_state(codecs, context), codecs->level, page,
                                   codecs->page_size, scratch(codecs, context), most);
}

bool zram_codec_unpack(struct zram_codecs *codecs, const void *packed, size_t length, void *page)
{
        const struct zram_codec *codec = codecs->codec;
        unsigned context;
        size_t got;

        if (codec->expand_bytes() == 0)
                return codec->unpack(NULL, packed, length, page, codecs->page_size) ==
                       codecs->page_size;
        context = zram_codec_take(codecs);
        got = codec->unpack(expand_state(codecs, context), packed, length, page, codecs->page_size);
        zram_codec_put(codecs, context);
        return got == codecs->page_size;
}

void zram_codec_restart(struct zram_codecs *codecs)
{
        uint32_t made = atomic_load(&codecs->made);

        for (unsigned context = 0; context < made; context++)
                codecs->codec->make(compress_state(codecs, context), codecs->compress_bytes,
                                    expand_state(codecs, context), codecs->codec->expand_bytes());
        atomic_store(&codecs->idle, (1u << made) - 1);
        atomic_store(&codecs->sleepers, 0);
}

int zram_codec_start(struct zram_codecs *codecs, size_t page_size)
{
        unsigned context;

        codecs->page_size = page_size;
        codecs->compress_bytes = codecs->codec->compress_bytes(codecs->level, page_size);
        if (!context_make(codecs, &context))
                return -ENOSPC;
        zram_codec_put(codecs, context);
        return 0;
}

int zram_codec_open(struct zram_codecs *codecs, struct budget *budget, const char *algorithm,
                    int level)
{
        size_t count = sizeof(codec_table) / sizeof(codec_table[0]);

        codecs->budget = budget;
        for (size_t i = 0; i < count; i++) {
                if (strcmp(codec_table[i].name, algorithm) == 0)
                        codecs->codec = &codec_table[i];
        }
        if (!codecs->codec)
                return last_error(-EINVAL, "zram has no algorithm %s: choose words, lz4 or zstd",
                                  algorithm);
        codecs->level = codecs->codec->level(level);
        if (codecs->level == INT_MIN)
                return last_error(-EINVAL,
                                  "%s has no level %d: 0 is the default of every algorithm",
                                  algorithm, level);

        for (size_t size = KERNEL_PAGE_SIZE; size <= PAGE_MAX; size *= 2) {
                size_t bytes = context_size(codecs, size);

                if (bytes > codecs->context_bytes)
                        codecs->context_bytes = bytes;
        }
        codecs->contexts = arena_reserve(ZRAM_CONTEXTS * codecs->context_bytes, "unpaged-zram");
        return codecs->contexts ? 0 : -ENOMEM;
}

void zram_codec_close(struct zram_codecs *codecs)
{
        arena_release(codecs->contexts, ZRAM_CONTEXTS * codecs->context_bytes);
}
