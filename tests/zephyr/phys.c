/* SPDX-License-Identifier: MIT */
/*
 * Memory mapped by its physical address, beside where it is already: a buffer of the program, which
 * is pinned, and pages of a mapping.
 */
#include <zephyr/ztest.h>
#include <zephyr/kernel/mm/demand_paging.h>
#include <zephyr/linker/sections.h>
#include <mmu.h>
#include "expect.h"

/* Begins and ends within pages. */
#define BUFFER_SIZE   (CONFIG_MMU_PAGE_SIZE + 700)
#define BUFFER_OFFSET 1000

__pinned_noinit static uint8_t __aligned(CONFIG_MMU_PAGE_SIZE) area[2 * CONFIG_MMU_PAGE_SIZE];

static uint8_t *const buffer = area + BUFFER_OFFSET;

static void *phys_setup(void)
{
        k_mem_pin(area, sizeof(area));
        return NULL;
}

ZTEST(phys, test_buffer_is_seen_through_both_mappings)
{
        uint8_t *writable, *readable;

        k_mem_map_phys_bare(&writable, k_mem_phys_addr(buffer), BUFFER_SIZE,
                            K_MEM_CACHE_WB | K_MEM_PERM_RW);
        k_mem_map_phys_bare(&readable, k_mem_phys_addr(buffer), BUFFER_SIZE, K_MEM_CACHE_WB);
        zassert_not_equal(writable, buffer);
        zassert_equal((uintptr_t)writable % PAGE, BUFFER_OFFSET);
        for (size_t i = 0; i < BUFFER_SIZE; i++)
                writable[i] = (uint8_t)(i * 7);
        for (size_t i = 0; i < BUFFER_SIZE; i++) {
                zassert_equal(buffer[i], (uint8_t)(i * 7), "byte %zu", i);
                zassert_equal(readable[i], (uint8_t)(i * 7), "byte %zu", i);
        }
        buffer[3] = 99;
        zassert_equal(((volatile uint8_t *)writable)[3], 99);
        zassert_equal(((volatile uint8_t *)readable)[3], 99);
        k_mem_unmap_phys_bare(writable, BUFFER_SIZE);
        expect_fatal_write(readable);
}

ZTEST(phys, test_buffer_stays_writable_beside_a_read_only_mapping)
{
        uint8_t *readable;

        k_mem_map_phys_bare(&readable, k_mem_phys_addr(area), sizeof(area), K_MEM_CACHE_WB);
        area[0] = 42;
        zassert_equal(*(volatile uint8_t *)readable, 42);
        expect_fatal_write(readable);
}

ZTEST(phys, test_unmapped_is_fatal)
{
        uint8_t *writable;

        k_mem_map_phys_bare(&writable, k_mem_phys_addr(area), sizeof(area),
                            K_MEM_CACHE_WB | K_MEM_PERM_RW);
        writable[0] = 42;
        k_mem_unmap_phys_bare(writable, sizeof(area));
        zassert_equal(area[0], 42);
        expect_fatal_write(writable);
}

ZTEST(phys, test_address_is_used_again)
{
        uint8_t *first, *again;

        k_mem_map_phys_bare(&first, k_mem_phys_addr(buffer), BUFFER_SIZE, K_MEM_CACHE_WB);
        k_mem_unmap_phys_bare(first, BUFFER_SIZE);
        k_mem_map_phys_bare(&again, k_mem_phys_addr(buffer), BUFFER_SIZE, K_MEM_CACHE_WB);
        zassert_equal(first, again);
        k_mem_unmap_phys_bare(again, BUFFER_SIZE);
}

/* With guard pages, and wiped like any other mapping. */
ZTEST(phys, test_guarded_mapping)
{
        uint8_t *p;

        memset(area, 7, sizeof(area));
        p = k_mem_map_phys_guard(k_mem_phys_addr(area), sizeof(area),
                                 K_MEM_PERM_RW | K_MEM_MAP_UNINIT, false);
        zassert_not_null(p);
        zassert_equal(p[5], 7);
        k_mem_unmap_phys_guard(p, sizeof(area), false);
        p = k_mem_map_phys_guard(k_mem_phys_addr(area), sizeof(area), K_MEM_PERM_RW, false);
        zassert_equal(area[5], 0);
        expect_fatal_write(p + sizeof(area));
}

ZTEST(phys, test_page_of_a_mapping)
{
        size_t before = free_frames();
        uint8_t *p = k_mem_map(PAGE, K_MEM_PERM_RW);
        uint8_t *q;

        k_mem_pin(p, PAGE);
        k_mem_map_phys_bare(&q, k_mem_phys_addr(p), PAGE, K_MEM_CACHE_WB | K_MEM_PERM_RW);
        q[9] = 9;
        zassert_equal(((volatile uint8_t *)p)[9], 9);
        zassert_equal(k_mem_phys_addr(q), k_mem_phys_addr(p));
        k_mem_unmap_phys_bare(q, PAGE);
        k_mem_unmap(p, PAGE);
        zassert_equal(free_frames(), before);
}

ZTEST_SUITE(phys, NULL, phys_setup, NULL, NULL, NULL);
