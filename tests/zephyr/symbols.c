/* SPDX-License-Identifier: MIT */
/*
 * The names that Zephyr's eviction algorithms, stores and tests use beside the paging calls, each
 * in the form in which they use it: some must be constants to the compiler, some must be macros,
 * some must do without a message.
 */
#include <stdatomic.h>
#include <zephyr/ztest.h>
#include <zephyr/cache.h>
#include <zephyr/fatal.h>
#include <zephyr/init.h>
#include <zephyr/irq.h>
#include <zephyr/kernel/mm.h>
#include <zephyr/kernel/mm/demand_paging.h>
#include <zephyr/linker/sections.h>
#include <zephyr/logging/log.h>
#include <zephyr/spinlock.h>
#include <zephyr/sys/__assert.h>
#include <zephyr/sys/printk.h>
#include <zephyr/sys/util.h>
#include <zephyr/timing/timing.h>
#include <zephyr/toolchain.h>
#include <kernel_arch_interface.h>
#include <mmu.h>

LOG_MODULE_REGISTER(symbols, LOG_LEVEL_INF);

/* Only a constant can be the width of a bit-field or the size of a static array. */
struct constants {
        uint32_t index : ROUND_UP(LOG2CEIL(K_MEM_NUM_PAGE_FRAMES + 1), 8);
} __packed;
static struct constants constants[K_MEM_NUM_PAGE_FRAMES + 1];

__pinned_noinit static uint8_t __aligned(CONFIG_MMU_PAGE_SIZE) pinned[CONFIG_MMU_PAGE_SIZE];
__pinned_data static int pinned_data = 1;
__pinned_bss static int pinned_bss;
static ZTEST_DMEM int for_users = 2;
static ZTEST_BMEM int for_users_bss;
static const char __ondemand_rodata text[] = "text";

__pinned_func static int in_pinned_section(void)
{
        return pinned_data + pinned_bss + for_users + for_users_bss;
}

static void __ondemand_func in_ondemand_section(void)
{
        LOG_INF("%s", text);
}

ZTEST(symbols, test_arithmetic)
{
        BUILD_ASSERT(ROUND_UP(17, 8) == 24 && ROUND_DOWN(17, 8) == 16, "both ways");
        BUILD_ASSERT(LOG2CEIL(1) == 0 && LOG2CEIL(64) == 6 && LOG2CEIL(65) == 7);
        BUILD_ASSERT(DIV_ROUND_UP(9, 4) == 3 && KB(2) == 2048 && MB(1) == 1048576);
        BUILD_ASSERT(ARRAY_SIZE(constants) == K_MEM_NUM_PAGE_FRAMES + 1);
        zassert_equal(MIN(3, 4), 3);
        zassert_equal(MAX(3, 4), 4);
        zassert_equal(POINTER_TO_UINT(UINT_TO_POINTER(5)), 5);
        zassert_true(IN_RANGE(4, 4, 6) && !IN_RANGE(7, 4, 6));
        zassert_equal(ROUND_DOWN(&pinned[5], CONFIG_MMU_PAGE_SIZE), (uintptr_t)pinned,
                      "of an address, too");
        zassert_equal((uintptr_t)pinned % CONFIG_MMU_PAGE_SIZE, 0);
        ARG_UNUSED(constants);
}

ZTEST(symbols, test_options_that_are_defined_or_not)
{
        zassert_true(IS_ENABLED(CONFIG_MMU) && IS_ENABLED(CONFIG_DEMAND_PAGING));
        zassert_false(IS_ENABLED(CONFIG_NOBODY_HAS_THIS));
        if (IS_ENABLED(CONFIG_DCACHE)) {
                sys_cache_data_flush_and_invd_all();
                sys_cache_data_flush_and_invd_range(pinned, sizeof(pinned));
        }
}

ZTEST(symbols, test_assertions_with_and_without_a_message)
{
        zassert_true(true);
        zassert_false(false, "with a message");
        zassert_ok(0, "with %s", "arguments");
        zassert_not_ok(-EINVAL);
        zassert_is_null(NULL);
        zassert_not_null(pinned, "%p", pinned);
        zassert_equal(1, 1);
        zassert_not_equal(1, 2);
        zassert_equal_ptr(pinned, pinned);
        zassert_within(10, 12, 2);
        zassert_between_inclusive(3, 3, 4);
        zassert_mem_equal(text, "text", sizeof(text));
        zassert_str_equal(text, "text");
        zexpect_true(true);
        zexpect_equal(1, 1, "with a message");
        zassume_true(true);
        zassume_equal(1, 1, "with a message");
}

ZTEST(symbols, test_printing)
{
        TC_PRINT("printed by a case: %d\n", 5);
        printk("0x%hhx %zu %p %llu %s\n", (unsigned char)0xab, sizeof(pinned), pinned,
               (unsigned long long)7, text);
        in_ondemand_section();
        zassert_equal(in_pinned_section(), 3);
}

ZTEST(symbols, test_time)
{
        int64_t start = k_uptime_get();
        uint32_t cycles = k_cycle_get_32();
        timing_t begin, end;

        timing_init();
        timing_start();
        begin = timing_counter_get();
        zassert_equal(k_msleep(2), 0);
        end = timing_counter_get();
        timing_stop();
        zassert_true(k_uptime_get() - start >= 2);
        zassert_true(timing_cycles_to_ns(timing_cycles_get(&begin, &end)) >= 2000000);
        zassert_true(k_cyc_to_ns_ceil64(k_cycle_get_32() - cycles) >= 2000000);
        zassert_equal(k_cyc_to_ns_ceil64(CONFIG_SYS_CLOCK_HW_CYCLES_PER_SEC), 1000000000);
}

ZTEST(symbols, test_locks_nest)
{
        struct k_spinlock lock = {0};
        unsigned int outer = irq_lock();
        unsigned int inner = irq_lock();
        k_spinlock_key_t key = k_spin_lock(&lock);

        k_spin_unlock(&lock, key);
        irq_unlock(inner);
        irq_unlock(outer);
        compiler_barrier();
}

ZTEST(symbols, test_slab)
{
        static char __aligned(8) memory[4 * 64];
        struct k_mem_slab slab;
        void *blocks[4], *more;

        zassert_ok(k_mem_slab_init(&slab, memory, 64, 4));
        for (size_t i = 0; i < 4; i++) {
                zassert_ok(k_mem_slab_alloc(&slab, &blocks[i], K_NO_WAIT));
                zassert_true((char *)blocks[i] >= memory && (char *)blocks[i] < memory + 256);
                zassert_equal(((char *)blocks[i] - memory) % 64, 0);
        }
        zassert_equal(k_mem_slab_alloc(&slab, &more, K_NO_WAIT), -ENOMEM);
        k_mem_slab_free(&slab, blocks[2]);
        zassert_ok(k_mem_slab_alloc(&slab, &more, K_NO_WAIT));
        zassert_equal(more, blocks[2]);
}

static atomic_uint ticks;

static void tick(struct k_timer *timer)
{
        ARG_UNUSED(timer);
        ticks++;
}

/* The first expiry comes at once, and then one a period. */
static K_TIMER_DEFINE(clock, tick, NULL);

ZTEST(symbols, test_timer)
{
        k_timer_start(&clock, K_NO_WAIT, K_MSEC(1));
        for (int i = 0; i < 1000 && ticks < 3; i++)
                k_msleep(1);
        k_timer_stop(&clock);
        zassert_true(ticks >= 3);
}

ZTEST(symbols, test_fault_that_is_expected)
{
        char *p = k_mem_map(CONFIG_MMU_PAGE_SIZE, K_MEM_PERM_RW);

        k_mem_unmap(p, CONFIG_MMU_PAGE_SIZE);
        ztest_set_fault_valid(true);
        *(volatile char *)p = 1;
        ztest_test_fail();
}

ZTEST(symbols, test_skip)
{
        ztest_test_skip();
}

ZTEST_EXPECT_FAIL(symbols, test_fail);
ZTEST(symbols, test_fail)
{
        zassert_true(false, "this failure is expected");
}

static int called_at_start;

static int at_start(void)
{
        called_at_start++;
        return 0;
}

SYS_INIT(at_start, APPLICATION, 0);

ZTEST(symbols, test_init)
{
        zassert_equal(called_at_start, 1);
}

struct symbols_fixture {
        int number;
};

ZTEST_F(symbols, test_fixture)
{
        zassert_equal(fixture->number, 42);
}

static void *symbols_setup(void)
{
        static struct symbols_fixture fixture = {.number = 42};

        return &fixture;
}

ZTEST_SUITE(symbols, NULL, symbols_setup, NULL, NULL, NULL);
