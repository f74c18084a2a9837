/* SPDX-License-Identifier: MIT */
/*
 * The model and the real thing, side by side: random maps, touches, page-outs, pins and unmaps by
 * seed, and after each of them the same questions to the eviction algorithm and to the store, the
 * same counters and, in every page that was read, the last word that was written.
 *
 * The script stays within what memory and store can hold: there every fault can be served.
 */
#include <zephyr/ztest.h>
#include <zephyr/kernel/mm/demand_paging.h>
#include <kernel_arch_interface.h>
#include <mmu.h>
#include "expect.h"
#include "model.h"
#include "trace.h"

#define MAPPINGS      8
#define MAPPING_PAGES 24 /* at most */
#define SEEDS         12
#define STEPS         400

BUILD_ASSERT(K_MEM_NUM_PAGE_FRAMES <= MODEL_MAX_FRAMES);
BUILD_ASSERT(MAPPINGS *MAPPING_PAGES <= MODEL_MAX_PAGES);

#ifdef CONFIG_BACKING_STORE_RAM
#define STORE_PAGES CONFIG_BACKING_STORE_RAM_PAGES
#else
#define STORE_PAGES 0
#endif

static struct model model;
static size_t pool; /* frames that are free before the first step */

/* Page i of mapping m has number m * MAPPING_PAGES + i. */
static struct {
        char *address;
        size_t pages;
        bool unmapped; /* by the last step, whose events still name its pages */
} mappings[MAPPINGS];
static uintptr_t written[MAPPINGS * MAPPING_PAGES];
static size_t num_pages;

static uint32_t seed;
static uint32_t random_state;

/* Less than `limit`. Marsaglia's xorshift, and not the generator of the other tests: a program in
 * Zephyr's form includes Zephyr's headers alone. */
static size_t random_below(size_t limit)
{
        random_state ^= random_state << 13;
        random_state ^= random_state >> 17;
        random_state ^= random_state << 5;
        return random_state % limit;
}

static size_t number_of(const void *page)
{
        for (size_t m = 0; m < MAPPINGS; m++) {
                const char *base = mappings[m].address;

                if (base && (const char *)page >= base &&
                    (const char *)page < base + mappings[m].pages * PAGE)
                        return m * MAPPING_PAGES + (size_t)((const char *)page - base) / PAGE;
        }
        return MODEL_NO_PAGE;
}

/* Without tracking the algorithm is not told of these. */
static bool is_told(enum trace_kind kind)
{
        return IS_ENABLED(CONFIG_EVICTION_TRACKING) ||
               (kind != TRACE_ADD && kind != TRACE_REMOVE && kind != TRACE_ACCESSED);
}

static void compare_events(size_t step, const char *what)
{
        size_t real = 0;

        zassert_true(model.num_events <= MODEL_MAX_EVENTS, "the model has room for all events");
        for (size_t i = 0; i < model.num_events; i++) {
                const struct model_event *expected = &model.events[i];
                const struct trace_event *got;
                size_t page;

                if (!is_told(expected->kind))
                        continue;
                got = trace_event(real++);
                zassert_not_null(got, "seed %u, step %zu, %s: event %zu is missing, kind %d", seed,
                                 step, what, real - 1, (int)expected->kind);
                page = number_of(got->page);
                zassert_true(got->kind == expected->kind && page == expected->page &&
                                     got->detail == expected->detail,
                             "seed %u, step %zu, %s: event %zu is kind %d page %zu detail %d, "
                             "the model has kind %d page %zu detail %d",
                             seed, step, what, real - 1, (int)got->kind, page, got->detail,
                             (int)expected->kind, expected->page, expected->detail);
        }
        zassert_equal(trace_length(), real, "seed %u, step %zu, %s: %zu events, the model has %zu",
                      seed, step, what, trace_length(), real);
}

static void compare(size_t step, const char *what, const struct k_mem_paging_stats_t *before)
{
        struct k_mem_paging_stats_t now;

        compare_events(step, what);
        k_mem_paging_stats_get(&now);
        zassert_equal(now.pagefaults.cnt - before->pagefaults.cnt, model.faults,
                      "seed %u, step %zu, %s: faults", seed, step, what);
        zassert_equal(now.eviction.clean - before->eviction.clean, model.evicted_clean,
                      "seed %u, step %zu, %s: clean evictions", seed, step, what);
        zassert_equal(now.eviction.dirty - before->eviction.dirty, model.evicted_dirty,
                      "seed %u, step %zu, %s: dirty evictions", seed, step, what);
        zassert_equal(free_frames(), model.num_free, "seed %u, step %zu, %s: free frames", seed,
                      step, what);
        for (size_t m = 0; m < MAPPINGS; m++) {
                if (mappings[m].unmapped)
                        mappings[m].address = NULL;
                mappings[m].unmapped = false;
        }
}

/* ---- steps --------------------------------------------------------------------------------- */

static const char *map(size_t m)
{
        size_t limit = STORE_PAGES > 0 ? pool + STORE_PAGES - 1 : 3 * pool;
        size_t pages = 1 + random_below(MAPPING_PAGES);

        if (num_pages + pages > limit)
                return "no room to map";
        mappings[m].pages = pages;
        zassert_true(model_map(&model, m * MAPPING_PAGES, pages));
        mappings[m].address = k_mem_map(pages * PAGE, K_MEM_PERM_RW);
        zassert_not_null(mappings[m].address);
        memset(&written[m * MAPPING_PAGES], 0, pages * sizeof(written[0]));
        num_pages += pages;
        return "map";
}

static void unmap(size_t m)
{
        k_mem_unmap(mappings[m].address, mappings[m].pages * PAGE);
        model_unmap(&model, m * MAPPING_PAGES, mappings[m].pages);
        num_pages -= mappings[m].pages;
        mappings[m].unmapped = true;
}

static const char *touch(size_t m, size_t page)
{
        volatile uintptr_t *word = (volatile uintptr_t *)(mappings[m].address + page * PAGE);
        size_t number = m * MAPPING_PAGES + page;
        bool write = random_below(3) == 0;

        zassert_true(model_touch(&model, number, write));
        if (write) {
                written[number] = random_state;
                *word = random_state;
                return "write";
        }
        zassert_equal(*word, written[number], "seed %u: page %zu lost its word", seed, number);
        return "read";
}

/* More frames stay evictable than a fault takes. */
static bool may_pin(size_t pages)
{
        size_t pinned = 0;

        for (size_t frame = 0; frame < model.config.frames; frame++)
                pinned += model.frames[frame].pinned;
        return pinned + pages + 2 <= pool;
}

static const char *call(size_t m, size_t page, size_t pages)
{
        char *address = mappings[m].address + page * PAGE;
        size_t first = m * MAPPING_PAGES + page;

        switch (random_below(4)) {
        case 0:
                /* A pinned page must not be paged out. */
                k_mem_unpin(mappings[m].address, mappings[m].pages * PAGE);
                model_unpin(&model, m * MAPPING_PAGES, mappings[m].pages);
                zassert_equal(k_mem_page_out(address, pages * PAGE),
                              model_page_out(&model, first, pages));
                return "unpin, page out";
        case 1:
                k_mem_page_in(address, pages * PAGE);
                zassert_true(model_page_in(&model, first, pages));
                return "page in";
        case 2:
                if (!may_pin(pages))
                        return "nothing to pin";
                k_mem_pin(address, pages * PAGE);
                zassert_true(model_pin(&model, first, pages));
                return "pin";
        default:
                k_mem_unpin(address, pages * PAGE);
                model_unpin(&model, first, pages);
                return "unpin";
        }
}

/* What the timer of NRU would do. */
static const char *age(void)
{
        struct k_mem_page_frame *pf;
        unsigned int key = irq_lock();
        uintptr_t phys;

        K_MEM_PAGE_FRAME_FOREACH(phys, pf)
        {
                if (k_mem_page_frame_is_evictable(pf))
                        (void)arch_page_info_get(k_mem_page_frame_to_virt(pf), NULL, true);
        }
        irq_unlock(key);
        model_age(&model);
        return "age";
}

static const char *random_step(void)
{
        size_t m = random_below(MAPPINGS);
        size_t dice = random_below(100);
        size_t page;

        if (!mappings[m].address)
                return map(m);
        page = random_below(mappings[m].pages);
        if (dice < 3) {
                unmap(m);
                return "unmap";
        }
        if (dice < 18)
                return call(m, page, 1 + random_below(mappings[m].pages - page));
        if (dice < 21 && model.config.eviction == MODEL_NRU)
                return age();
        return touch(m, page);
}

static void run_seed(void)
{
        struct k_mem_paging_stats_t before;

        k_mem_paging_stats_get(&before);
        model.faults = 0;
        model.evicted_clean = 0;
        model.evicted_dirty = 0;
        for (size_t step = 0; step < STEPS; step++) {
                const char *what;

                trace_clear();
                model.num_events = 0;
                what = random_step();
                compare(step, what, &before);
        }
        trace_clear();
        model.num_events = 0;
        for (size_t m = 0; m < MAPPINGS; m++)
                if (mappings[m].address)
                        unmap(m);
        compare(STEPS, "unmap all", &before);
        zassert_equal(free_frames(), pool);
}

ZTEST(differential, test_events_are_those_of_the_model)
{
        for (seed = 1; seed <= SEEDS; seed++) {
                random_state = seed * 2654435761U;
                run_seed();
        }
}

static void *differential_setup(void)
{
        struct model_config config = {
                .eviction = IS_ENABLED(CONFIG_EVICTION_LRU) ? MODEL_LRU : MODEL_NRU,
                .demand_mapping = IS_ENABLED(CONFIG_DEMAND_MAPPING),
                .store_pages = STORE_PAGES,
                .frames = ARRAY_SIZE(k_mem_page_frames),
        };

        model_init(&model, &config);
        for (size_t frame = 0; frame < config.frames; frame++)
                if (k_mem_page_frame_is_free(&k_mem_page_frames[frame]))
                        model_add_free_frame(&model, frame);
        pool = free_frames();
        zassert_equal(model.num_free, pool, "the list of free frames and the frames' words");
        return NULL;
}

ZTEST_SUITE(differential, NULL, differential_setup, NULL, NULL, NULL);
