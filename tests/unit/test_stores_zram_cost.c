/* SPDX-License-Identifier: MIT */
/*
 * test_stores_zram_cost.c - what zram costs: memory beside the payload, and time beside the codec.
 *
 * Each figure is printed, and the bounds asserted are wide enough for a small store, in which one
 * half-empty slab of each size class weighs most.
 */
#include <unpaged/stores.h>

#include <lz4.h>
#include <time.h>
#include <unistd.h>

#include "../run_tests.h"
#include "store_conformance.h"

/* Sanitizers use stack and memory of their own, and delay signals. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#define SANITIZED (__has_feature(address_sanitizer) || __has_feature(thread_sanitizer))
#else
#define SANITIZED 0
#endif

#define KIB 1024u
#define MIB (1024u * KIB)

static struct pg_store *zram(void)
{
        struct pg_zram_config config = {.size = sizeof(config), .algorithm = "lz4"};
        struct pg_store *store = NULL;

        ck_assert_int_eq(pg_store_zram(&store, &config), 0);
        return store;
}

/* What the store needs beside the payload, in tenths of a percent. */
static unsigned overhead(struct pg_store *store, const char *when)
{
        struct pg_store_stats stats = conform_stats(store);
        double over = 100.0 * (double)(stats.memory_bytes - stats.payload_bytes) /
                      (double)stats.payload_bytes;

        printf("%-44s %7llu pages, %4.2f:1, memory %6.2f MiB, overhead %5.2f %%\n", when,
               (unsigned long long)stats.stored_pages,
               (double)stats.stored_bytes / (double)stats.payload_bytes,
               (double)stats.memory_bytes / MIB, over);
        return (unsigned)(over * 10);
}

static void write_mixed(struct conform_rig *rig, size_t place, unsigned noise, uint64_t *random)
{
        uint64_t r = random_next(random);

        /* Sizes differ from page to page as those of real programs do. */
        noise = noise / 2 + (unsigned)(r >> 40) % noise;
        conform_fill_mixed(rig->page, rig->page_size, noise > 100 ? 100 : noise, r);
        rig->seeds[place] = r << 8 | noise;
        ck_assert_int_eq(rig->store->ops->page_out(rig->store, rig->offsets[place], 1, rig->page),
                         0);
}

static void fill_mixed(struct conform_rig *rig, size_t most, unsigned noise, uint64_t *random)
{
        while (rig->count < most) {
                ck_assert(conform_get(rig));
                write_mixed(rig, rig->count - 1, noise, random);
        }
}

static void free_at_random(struct conform_rig *rig, size_t left, uint64_t *random)
{
        while (rig->count > left)
                conform_put(rig, random_below(random, rig->count));
}

/* Percent of new bytes that give about 3:1 and 1.5:1 with lz4. */
#define THREE_TO_ONE 22u
#define HARD         58u

static void churn(size_t page_size, size_t pages)
{
        struct pg_store *store = zram();
        struct conform_rig rig;
        uint64_t random = page_size;
        char when[64];

        snprintf(when, sizeof(when), "%zu KiB pages:", page_size / KIB);
        puts(when);
        conform_rig_open(&rig, store, page_size, pages);
        fill_mixed(&rig, pages, THREE_TO_ONE, &random);
        ck_assert_uint_lt(overhead(store, "  filled 3:1"), 110);
        free_at_random(&rig, pages / 2, &random);
        ck_assert_uint_lt(overhead(store, "  half of it freed at random"), 250);
        fill_mixed(&rig, pages, HARD, &random);
        ck_assert_uint_lt(overhead(store, "  refilled 1.5:1"), 110);
        free_at_random(&rig, pages / 2, &random);
        fill_mixed(&rig, pages, THREE_TO_ONE, &random);
        ck_assert_uint_lt(overhead(store, "  another half freed, refilled 3:1"), 110);
        for (size_t i = 0; i < 2 * pages; i++)
                write_mixed(&rig, random_below(&random, pages), HARD, &random);
        ck_assert_uint_lt(overhead(store, "  pages rewritten at random, 1.5:1"), 110);
        free_at_random(&rig, 0, &random);
        printf("  all freed: %.2f MiB\n", (double)conform_stats(store).memory_bytes / MIB);
        ck_assert_uint_le(conform_stats(store).memory_bytes, 4 * MIB);
        conform_rig_close(&rig);
        ck_assert_int_eq(pg_store_close(store), 0);
}

START_TEST(memory_stays_close_to_the_payload)
{
        churn(4 * KIB, 30000);
        churn(64 * KIB, 1000);
        churn(2 * MIB, 40);
}
END_TEST

/* Threads that leave holes of all sizes while others read: content must follow when it is moved. */
static void *make_holes(void *arg)
{
        struct conform_thread *self = arg;
        struct conform_rig *rig = &self->rig;

        for (size_t round = 0; round < self->steps; round++) {
                while (rig->count < self->most && conform_get(rig))
                        conform_write(rig, rig->count - 1,
                                      (random_next(&self->random) >> 20) * 7 + 4);
                while (rig->count > self->most / 3) {
                        conform_put(rig, random_below(&self->random, rig->count));
                        conform_verify(rig, random_below(&self->random, rig->count));
                }
        }
        conform_verify_all(rig);
        return NULL;
}

START_TEST(moved_chunks_keep_their_content)
{
        struct conform_thread all[3] = {{.random = 1}, {.random = 2}, {.random = 3}};
        struct pg_store *store = zram();

        for (size_t i = 0; i < 3; i++) {
                conform_rig_open(&all[i].rig, store, 4 * KIB, 2000);
                all[i].most = 2000;
                all[i].steps = 4;
        }
        for (size_t i = 0; i < 3; i++) {
                ck_assert_int_eq(pthread_create(&all[i].thread, NULL, make_holes, &all[i]), 0);
        }
        for (size_t i = 0; i < 3; i++)
                pthread_join(all[i].thread, NULL);
        overhead(store, "three threads making holes:");
        for (size_t i = 0; i < 3; i++)
                conform_rig_close(&all[i].rig);
        ck_assert_int_eq(pg_store_close(store), 0);
}
END_TEST

static size_t resident_bytes(void)
{
        FILE *statm = fopen("/proc/self/statm", "re");
        unsigned long total = 0, resident = 0;

        ck_assert_ptr_nonnull(statm);
        ck_assert_int_eq(fscanf(statm, "%lu %lu", &total, &resident), 2);
        fclose(statm);
        return resident * (size_t)sysconf(_SC_PAGESIZE);
}

START_TEST(memory_is_told_as_the_system_sees_it)
{
        struct pg_store *store = zram();
        struct conform_rig rig;
        uint64_t random = 5;
        size_t before, told, lookups;

        conform_rig_open(&rig, store, 4 * KIB, 20000);
        before = resident_bytes();
        for (unsigned round = 0; round < 3; round++) {
                fill_mixed(&rig, 20000, round == 1 ? 100 : HARD, &random);
                free_at_random(&rig, round == 2 ? 0 : 8000, &random);
                told = conform_stats(store).memory_bytes;
                lookups = resident_bytes() - before;
                printf("round %u: store tells %.2f MiB, resident %.2f MiB\n", round,
                       (double)told / MIB, (double)lookups / MIB);
                ck_assert(SANITIZED || (told <= lookups + MIB && lookups <= told + MIB));
        }
        conform_rig_close(&rig);
        ck_assert_int_eq(pg_store_close(store), 0);
}
END_TEST

/* --- time --- */

#define TIMED_PAGES 512u

/* lz4 alone, from and into plain arrays. */
static void time_bare(const char *pages, double *out, double *in)
{
        static char packed[TIMED_PAGES][LZ4_COMPRESSBOUND(4096)], state[1 << 15], page[4 * KIB];
        static int length[TIMED_PAGES];
        uint64_t start = now_ns();

        for (size_t i = 0; i < TIMED_PAGES; i++)
                length[i] = LZ4_compress_fast_extState(state, pages + i * 4096, packed[i], 4096,
                                                       LZ4_COMPRESSBOUND(4096), 1);
        *out = (double)(now_ns() - start) / TIMED_PAGES;
        start = now_ns();
        for (size_t i = 0; i < TIMED_PAGES; i++)
                LZ4_decompress_safe(packed[i], page, length[i], 4096);
        *in = (double)(now_ns() - start) / TIMED_PAGES;
}

static void time_store(struct conform_rig *rig, const char *pages, double *out, double *in)
{
        const struct pg_store_ops *ops = rig->store->ops;
        uint64_t start = now_ns();

        for (size_t i = 0; i < TIMED_PAGES; i++)
                ops->page_out(rig->store, rig->offsets[i], 1, pages + i * 4096);
        *out = (double)(now_ns() - start) / TIMED_PAGES;
        start = now_ns();
        for (size_t i = 0; i < TIMED_PAGES; i++)
                ops->page_in(rig->store, rig->offsets[i], 1, rig->got);
        *in = (double)(now_ns() - start) / TIMED_PAGES;
}

static void take_least(double *least, double value)
{
        if (*least == 0 || value < *least)
                *least = value;
}

static void time_content(unsigned noise, const char *what)
{
        static char pages[TIMED_PAGES * 4096] __attribute__((aligned(4096)));
        double bare_out = 0, bare_in = 0, store_out = 0, store_in = 0;
        struct pg_store *store = zram();
        struct conform_rig rig;

        conform_rig_open(&rig, store, 4096, TIMED_PAGES);
        for (size_t i = 0; i < TIMED_PAGES; i++) {
                ck_assert(conform_get(&rig));
                conform_fill_mixed(pages + i * 4096, 4096, noise, i);
        }
        for (unsigned round = 0; round < 30; round++) {
                double out, in;

                time_bare(pages, &out, &in);
                take_least(&bare_out, out);
                take_least(&bare_in, in);
                time_store(&rig, pages, &out, &in);
                take_least(&store_out, out);
                take_least(&store_in, in);
        }
        printf("%-6s (%.2f:1) ns a page: out %5.0f, lz4 alone %5.0f; in %5.0f, lz4 alone %5.0f\n",
               what,
               (double)conform_stats(store).stored_bytes /
                       (double)conform_stats(store).payload_bytes,
               store_out, bare_out, store_in, bare_in);
        conform_rig_close(&rig);
        ck_assert_int_eq(pg_store_close(store), 0);
}

START_TEST(time_beside_the_bare_codec)
{
        time_content(THREE_TO_ONE, "3:1");
        time_content(HARD, "1.5:1");
        time_content(100, "noise");
}
END_TEST

TESTS("zram_cost")
{
        setvbuf(stdout, NULL, _IOLBF, 0);
        tcase_set_timeout(tc, 300);
        tcase_add_test(tc, memory_stays_close_to_the_payload);
        tcase_add_test(tc, moved_chunks_keep_their_content);
        tcase_add_test(tc, memory_is_told_as_the_system_sees_it);
        tcase_add_test(tc, time_beside_the_bare_codec);
}
