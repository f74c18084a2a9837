/* SPDX-License-Identifier: MIT */
/*
 * zram_slot.h - the word that zram keeps for a page, and pages that are one word themselves.
 *
 *    bit 0       the slot is locked
 *    bits 1..3   kind
 *    bits 4..63  EMPTY   nothing: reserved, never written
 *                FREE    number of the next free slot, plus one
 *                SAME    the 64-bit word that fills the page, if it fits, sign-extended
 *                WORD    a chunk of 8 bytes with that word   } length - 1 (21 bits), then
 *                PACKED  a chunk with the compressed page    } chunk / 8 (39 bits: 4 TiB)
 *                RAW     a chunk with the page as it is      }
 *
 * An untouched table reads as zeros: every slot EMPTY.
 */
#ifndef BACKENDS_ZRAM_SLOT_H
#define BACKENDS_ZRAM_SLOT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "zram_heap.h"

enum slot_kind { SLOT_EMPTY = 0, SLOT_FREE, SLOT_SAME, SLOT_WORD, SLOT_PACKED, SLOT_RAW };

#define SLOT_LOCKED      ((uint64_t)1)
#define SLOT_VALUE_SHIFT 4
#define SLOT_CHUNK_SHIFT 25
#define SLOT_LENGTH_MASK (((uint64_t)1 << (SLOT_CHUNK_SHIFT - SLOT_VALUE_SHIFT)) - 1)

static inline enum slot_kind slot_kind(uint64_t word)
{
        return (enum slot_kind)(word >> 1 & 7);
}

static inline uint64_t slot_word(enum slot_kind kind, uint64_t value)
{
        return value << SLOT_VALUE_SHIFT | (uint64_t)kind << 1;
}

static inline uint64_t slot_chunk_word(enum slot_kind kind, uint64_t chunk, size_t length)
{
        return slot_word(kind, length - 1) | chunk / ZRAM_ALIGN << SLOT_CHUNK_SHIFT;
}

static inline bool slot_has_chunk(uint64_t word)
{
        return slot_kind(word) >= SLOT_WORD;
}

static inline uint64_t slot_chunk(uint64_t word)
{
        return (word >> SLOT_CHUNK_SHIFT) * ZRAM_ALIGN;
}

static inline size_t slot_length(uint64_t word)
{
        return (size_t)(word >> SLOT_VALUE_SHIFT & SLOT_LENGTH_MASK) + 1;
}

static inline uint64_t slot_same_value(uint64_t word)
{
        return (uint64_t)((int64_t)word >> SLOT_VALUE_SHIFT);
}

static inline uint64_t slot_next_free(uint64_t word)
{
        return word >> SLOT_VALUE_SHIFT;
}

/* Fails when the slot is locked, or no longer holds `word`. */
static inline bool slot_try_lock(_Atomic uint64_t *slot, uint64_t word)
{
        return atomic_compare_exchange_strong_explicit(slot, &word, word | SLOT_LOCKED,
                                                       memory_order_acquire, memory_order_relaxed);
}

/* Unlocks with a word that is new or the old one. */
static inline void slot_unlock(_Atomic uint64_t *slot, uint64_t word)
{
        atomic_store_explicit(slot, word, memory_order_release);
}

/* Pages of one repeated word. */
typedef uint64_t __attribute__((may_alias)) any_word;

/* Is the page one repeated word? */
static inline bool same_filled(const void *page, size_t bytes, uint64_t *value)
{
        const any_word *words = page;

        *value = words[0];
        for (size_t i = 0; i < bytes / sizeof(*words); i += 8) {
                uint64_t difference = 0;

                for (size_t j = 0; j < 8; j++)
                        difference |= words[i + j] ^ words[0];
                if (difference)
                        return false;
        }
        return true;
}

static inline void fill_page(void *page, size_t bytes, uint64_t value)
{
        any_word *words = page;

        for (size_t i = 0; i < bytes / sizeof(*words); i++)
                words[i] = value;
}

#endif
