/* SPDX-License-Identifier: MIT */
/*
 * test_stores_zram_wipe.c - what zram has freed, or stored anew, is overwritten on request.
 */
#include "../run_tests.h"
#include "backends/zram.h"
#include "backends/zram_slot.h"
#include "bench_util.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define PAGE 4096u

static char page[PAGE] __attribute__((aligned(PAGE)));

static struct pg_store *store_new(unsigned flags)
{
        struct pg_zram_config config = {.size = sizeof(config), .flags = flags};
        struct pg_store *store = NULL;

        ck_assert_int_eq(pg_store_zram(&store, &config), 0);
        store->page_size = PAGE;
        return store;
}

static void text_page(void)
{
        for (unsigned i = 0; i + 40 < PAGE; i += 40)
                snprintf(page + i, 40, "%u: the secret number is %u", i, i * i);
}

static void random_page(void)
{
        uint64_t random = 7;

        for (unsigned i = 0; i < PAGE; i++)
                page[i] = (char)random_next(&random);
}

/* Stores the page, and says where its bytes are. */
static const char *stored_at(struct pg_store *store, uint64_t offset, enum slot_kind kind,
                             size_t *n)
{
        struct zram *zram = zram_of(store);
        uint64_t word;

        ck_assert_int_eq(store->ops->page_out(store, offset, 1, page), 0);
        word = *slot_at(zram, offset / PAGE);
        ck_assert_int_eq(slot_kind(word), kind);
        *n = slot_length(word);
        return zram_heap_at(&zram->heap, slot_chunk(word));
}

/* But for the link to the next free chunk. */
static bool is_wiped(const char *bytes, size_t n)
{
        for (size_t i = sizeof(uint32_t); i < n; i++)
                if (bytes[i] != 0)
                        return false;
        return true;
}

/* _i: wiped on request, or not. */
START_TEST(what_was_freed_or_replaced_is_gone_if_it_is_to_be)
{
        struct pg_store *store = store_new(_i ? PG_ZRAM_WIPE : 0);
        uint64_t packed, raw, other;
        const char *packed_at, *raw_at, *replaced_at;
        size_t packed_bytes, raw_bytes, replaced_bytes, ignored;

        ck_assert_int_eq(store->ops->location_get(store, &packed, false), 0);
        ck_assert_int_eq(store->ops->location_get(store, &raw, false), 0);
        ck_assert_int_eq(store->ops->location_get(store, &other, false), 0);
        text_page();
        packed_at = stored_at(store, packed, SLOT_PACKED, &packed_bytes);
        replaced_at = stored_at(store, other, SLOT_PACKED, &replaced_bytes);
        random_page();
        raw_at = stored_at(store, raw, SLOT_RAW, &raw_bytes);
        stored_at(store, other, SLOT_RAW, &ignored);
        store->ops->location_free(store, packed);
        store->ops->location_free(store, raw);
        ck_assert_int_eq(is_wiped(packed_at, packed_bytes), _i);
        ck_assert_int_eq(is_wiped(replaced_at, replaced_bytes), _i);
        ck_assert_int_eq(is_wiped(raw_at, raw_bytes), _i);
        ck_assert_int_eq(pg_store_close(store), 0);
}
END_TEST

START_TEST(unknown_flags_are_refused)
{
        struct pg_zram_config config = {.size = sizeof(config), .flags = 1u << 7};
        struct pg_store *store = NULL;

        ck_assert_int_eq(pg_store_zram(&store, &config), -EINVAL);
}
END_TEST

TESTS("stores_zram_wipe")
{
        tcase_add_loop_test(tc, what_was_freed_or_replaced_is_gone_if_it_is_to_be, 0, 2);
        tcase_add_test(tc, unknown_flags_are_refused);
}
