/* SPDX-License-Identifier: MIT */
/* Each named errno of unpaged.h that an argument alone can cause. */
#include "flaky_store.h"
#include "probe.h"

#include <unpaged/statistics.h>

static unsigned messages;

static void count_message(void *arg, const char *text)
{
        ck_assert_ptr_eq(arg, &messages);
        ck_assert_uint_gt(strlen(text), 20);
        messages++;
}

static void refuse(const struct pg_config *config)
{
        struct pg_pool *pool = (void *)&messages;
        struct pg_config c = *config;

        c.message = count_message;
        c.message_arg = &messages;
        messages = 0;
        ck_assert_int_eq(pg_open(&pool, &c), -EINVAL);
        ck_assert_ptr_eq(pool, (void *)&messages);
        ck_assert_uint_eq(messages, 1);
}

/* refuse_with(member, value): a good configuration but for one member. */
#define refuse_with(member, value)                                                                 \
        do {                                                                                       \
                struct pg_config c_ = config_frames(_i, 8, 0);                                     \
                c_.member = (value);                                                               \
                refuse(&c_);                                                                       \
        } while (0)

START_TEST(pg_open_refuses_members_out_of_range)
{
        refuse_with(budget, 1 << 20); /* both */
        refuse_with(frames, 0);       /* neither */
        refuse_with(frames, PG_FRAMES_MIN - 1);
        refuse_with(frames, UINT32_MAX);
        refuse_with(flags, 1u << 7);
        refuse_with(page_size, 2048);
        refuse_with(page_size, 12288);
        refuse_with(page_size, 4u << 20);
        refuse_with(queue_pct, 51);
        refuse_with(policy, "no such policy");
        refuse_with(delivery, (enum pg_delivery)2);
}
END_TEST

START_TEST(pg_open_refuses_a_budget_of_too_few_frames)
{
        struct pg_config config = config_frames(_i, 0, 0);
        struct pg_pool *pool;

        config.budget = 4 * PAGE;
        refuse(&config);
        config.budget = 5 * PAGE; /* the least: four frames and a buffer */
        pool = open_config(&config);
        ck_assert_uint_eq(stats_of(pool).frames_total, 4);
        close_pool(pool);
}
END_TEST

static int read_nothing(struct pg_store *store, uint64_t offset, size_t npages, void *buf)
{
        (void)store;
        (void)offset;
        memset(buf, 0, npages * PAGE);
        return 0;
}

static const struct pg_store_ops read_only_ops = {
        .size = sizeof(read_only_ops),
        .name = "read-only",
        .flags = PG_STORE_READONLY,
        .page_in = read_nothing,
};

START_TEST(pg_open_refuses_a_swap_store_that_cannot_serve)
{
        struct flaky *large = flaky_new(8, 2 * PAGE, true);
        struct pg_store read_only;
        struct pg_config config = config_frames(_i, 8, 0);
        struct pg_pool *pool;

        ck_assert_int_eq(pg_store_init(&read_only, &read_only_ops, 0), 0);
        refuse_with(swap, &read_only);
        ck_assert_int_eq(pg_store_close(&read_only), 0);

        config.page_size = 2 * PAGE;
        config.swap = &large->store;
        pool = open_config(&config);
        refuse_with(swap, &large->store); /* it serves pages of 8 KiB */
        ck_assert_int_eq(pg_store_close(&large->store), -EBUSY);
        close_pool(pool);
        flaky_delete(large);
}
END_TEST

START_TEST(pg_open_refuses_a_policy_without_its_members)
{
        static const struct pg_policy_ops empty = {.size = sizeof(empty), .name = "empty"};

        refuse_with(policy_ops, &empty);
}
END_TEST

START_TEST(attaching_and_detaching)
{
        struct pg_pool *pool = open_frames(_i, 8, 0);
        struct pg_config config = config_frames(_i, 8, 0);
        struct flaky *f = flaky_new(8, PAGE, true);
        static struct pg_store stores[256];
        pg_location base, again;
        struct pg_pool *large;
        unsigned n = 2; /* the swap store, and f */

        config.page_size = 2 * PAGE;
        large = open_config(&config);
        ck_assert_int_eq(pg_detach(pool, &f->store), -ENOENT);
        ck_assert_int_eq(pg_detach(pool, NULL), -ENOENT);
        ck_assert_int_eq(pg_attach(pool, &f->store, &base), 0);
        ck_assert_int_eq(pg_attach(pool, &f->store, &again), 0);
        ck_assert_uint_eq(base, again);
        ck_assert_int_eq(pg_attach(large, &f->store, &again), -EINVAL);
        ck_assert_ptr_nonnull(pg_map_unpaged(pool, base, PAGE, 0));
        ck_assert_int_eq(pg_detach(pool, &f->store), -EBUSY);
        for (n++; n <= 256; n++) {
                int error;

                ck_assert_int_eq(pg_store_init(&stores[n - 1], &read_only_ops, 0), 0);
                error = pg_attach(pool, &stores[n - 1], &again);
                if (error) {
                        ck_assert_int_eq(error, -ENOSPC);
                        ck_assert_int_eq(pg_store_close(&stores[n - 1]), 0);
                        n--;
                        break;
                }
        }
        ck_assert_uint_eq(n, 254);
        ck_assert_int_eq(pg_detach(pool, &stores[100]), 0);
        ck_assert_int_eq(pg_attach(pool, &stores[100], &again), 0);
        close_pool(pool);
        close_pool(large);
        for (unsigned i = 2; i < n; i++)
                ck_assert_int_eq(pg_store_close(&stores[i]), 0);
        flaky_delete(f);
}
END_TEST

static void no_map(struct pg_pool *pool, size_t size, unsigned flags, int error)
{
        errno = 0;
        ck_assert_ptr_null(pg_map(pool, size, flags));
        ck_assert_int_eq(errno, error);
}

static void no_map_unpaged(struct pg_pool *pool, pg_location location, size_t size, unsigned flags)
{
        errno = 0;
        ck_assert_ptr_null(pg_map_unpaged(pool, location, size, flags));
        ck_assert_int_eq(errno, EINVAL);
}

START_TEST(mapping_calls_refuse)
{
        struct pg_pool *pool = open_frames(_i, 8, 0);
        struct flaky *f = flaky_new(8, PAGE, true);
        struct pg_store read_only;
        pg_location base, fixed;

        ck_assert_int_eq(pg_store_init(&read_only, &read_only_ops, 8 * PAGE), 0);
        ck_assert_int_eq(pg_attach(pool, &f->store, &base), 0);
        ck_assert_int_eq(pg_attach(pool, &read_only, &fixed), 0);

        no_map(pool, 0, 0, EINVAL);
        no_map(pool, 100, 0, EINVAL);
        no_map(pool, PAGE, 1u << 9, EINVAL);
        no_map(pool, PAGE, PG_MAP_SHARED, EINVAL);
        no_map(pool, PAGE, PG_MAP_SHARED | PG_MAP_READONLY, EINVAL);
        no_map(pool, (size_t)1 << 62, 0, ENOMEM);
        no_map(pool, SIZE_MAX & ~(PAGE - 1), 0, ENOMEM);
        no_map(pool, 5 * PAGE, PG_MAP_LOCK, ENOMEM);

        no_map_unpaged(pool, base, 0, 0);
        no_map_unpaged(pool, base, SIZE_MAX, 0);
        no_map_unpaged(pool, base, PAGE, 1u << 9);
        no_map_unpaged(pool, base + 1, PAGE, 0);
        no_map_unpaged(pool, PG_LOCATION_NONE, PAGE, 0);
        no_map_unpaged(pool, (pg_location)200 << 56, PAGE, 0);
        no_map_unpaged(pool, base, 8 * PAGE + 1, 0);
        no_map_unpaged(pool, base + 8 * PAGE, PAGE, 0);
        no_map_unpaged(pool, base + 9 * PAGE, PAGE, 0);
        no_map_unpaged(pool, fixed, PAGE, PG_MAP_SHARED);
        no_map_unpaged(pool, PG_LOCATION_ANON_ZERO, PAGE, PG_MAP_SHARED);
        no_map_unpaged(pool, PG_LOCATION_ANON_UNINIT, PAGE, PG_MAP_SHARED);
        ck_assert_ptr_nonnull(pg_map_unpaged(pool, fixed, PAGE, PG_MAP_SHARED | PG_MAP_READONLY));
        ck_assert_ptr_nonnull(pg_map_unpaged(pool, fixed, PAGE, 0));
        ck_assert_ptr_nonnull(pg_map_unpaged(pool, PG_LOCATION_ANON_ZERO, PAGE, 0));
        close_pool(pool);
        ck_assert_int_eq(pg_store_close(&read_only), 0);
        flaky_delete(f);
}
END_TEST

START_TEST(calls_on_ranges_refuse_what_is_no_range_of_a_mapping)
{
        struct pg_pool *pool = open_frames(_i, 8, 0), *other = open_frames(_i, 8, 0);
        char *addr = map_pages(pool, 4, 0);
        const struct {
                struct pg_pool *pool;
                char *addr;
                size_t size;
        } bad[] = {
                {pool, addr - PAGE, PAGE},     {pool, addr + 4 * PAGE, PAGE},
                {pool, addr, 5 * PAGE},        {pool, addr + PAGE, 4 * PAGE},
                {pool, addr + 1, PAGE},        {pool, addr, PAGE + 1},
                {pool, addr, SIZE_MAX - 4095}, {pool, NULL, PAGE},
                {other, addr, PAGE},
        };

        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
                struct pg_pool *p = bad[i].pool;

                ck_assert_int_eq(pg_page_in(p, bad[i].addr, bad[i].size), -EINVAL);
                ck_assert_int_eq(pg_page_out(p, bad[i].addr, bad[i].size), -EINVAL);
                ck_assert_int_eq(pg_pin(p, bad[i].addr, bad[i].size), -EINVAL);
                ck_assert_int_eq(pg_unpin(p, bad[i].addr, bad[i].size), -EINVAL);
                ck_assert_int_eq(pg_sync(p, bad[i].addr, bad[i].size), -EINVAL);
                ck_assert_int_eq(pg_advise(p, bad[i].addr, bad[i].size, PG_ADVICE_COLD), -EINVAL);
                ck_assert_int_eq(pg_unmap(p, bad[i].addr, bad[i].size), -EINVAL);
        }
        ck_assert_int_eq(pg_unmap(pool, addr, 3 * PAGE), -EINVAL);
        ck_assert_int_eq(pg_unmap(pool, addr + PAGE, 3 * PAGE), -EINVAL);
        ck_assert_int_eq(pg_unmap(pool, addr, 4 * PAGE), 0);
        ck_assert_int_eq(pg_unmap(pool, addr, 4 * PAGE), -EINVAL);
        close_pool(pool);
        close_pool(other);
}
END_TEST

/* errno belongs to the mapping calls alone. */
START_TEST(other_calls_leave_errno_alone)
{
        struct pg_pool *pool = open_frames(_i, 8, 0);
        char *addr = map_pages(pool, 16, 0);
        struct pg_stats stats = {.size = sizeof(stats)};

        errno = 4321;
        fill_pages(addr, 16, 1);
        pg_page_in(pool, addr, PAGE);
        pg_page_out(pool, addr, 16 * PAGE);
        ck_assert_int_eq(pg_pin(pool, addr, 16 * PAGE), -ENOMEM);
        pg_unpin(pool, addr, 16 * PAGE);
        pg_advise(pool, addr, PAGE, PG_ADVICE_COLD);
        stats_get(pool, &stats);
        ck_assert_int_eq(pg_resize(pool, 3 * PAGE), -EINVAL);
        check_pages(addr, 16, 1);
        pg_unmap(pool, addr, 16 * PAGE);
        ck_assert_int_eq(errno, 4321);
        close_pool(pool);
}
END_TEST

static void in_child(struct pg_pool *pool, char *addr)
{
        struct pg_stats stats = {.size = sizeof(stats)};
        struct pg_histogram h = {.size = sizeof(h)};
        struct pg_thread_stats thread = {.size = sizeof(thread)};
        pg_location location;

        ck_assert_int_eq(access_signal(addr, false), SIGSEGV);
        errno = 0;
        ck_assert(!pg_map(pool, PAGE, 0) && errno == ECHILD);
        ck_assert_int_eq(pg_page_in(pool, addr, PAGE), -ECHILD);
        ck_assert_int_eq(pg_page_out(pool, addr, PAGE), -ECHILD);
        ck_assert_int_eq(pg_pin(pool, addr, PAGE), -ECHILD);
        ck_assert_int_eq(pg_sync(pool, addr, PAGE), -ECHILD);
        ck_assert_int_eq(pg_advise(pool, addr, PAGE, PG_ADVICE_COLD), -ECHILD);
        ck_assert_int_eq(pg_resize(pool, 64 * PAGE), -ECHILD);
        ck_assert_int_eq(pg_unmap(pool, addr, 4 * PAGE), -ECHILD);
        ck_assert_int_eq(stats_get(pool, &stats), -ECHILD);
        ck_assert_int_eq(pg_thread_stats_get(pool, 0, &thread), -ECHILD);
        ck_assert_int_eq(pg_histogram_get(pool, PG_HISTOGRAM_FAULT, &h), -ECHILD);
        ck_assert_int_eq(pg_location_query(pool, addr, &location), -ECHILD);
        ck_assert_int_eq(pg_close(pool), -ECHILD);
}

START_TEST(every_call_in_a_child_of_fork_is_echild)
{
        struct pg_pool *pool = open_frames(_i, 8, 0);
        char *addr = map_pages(pool, 4, 0);
        int status;
        pid_t pid;

        fill_pages(addr, 4, 1);
        probe_install();
        pid = check_fork();
        if (pid == 0) {
                in_child(pool, addr);
                _exit(0);
        }
        ck_assert_int_eq(waitpid(pid, &status, 0), pid);
        ck_assert_int_eq(status, 0);
        check_pages(addr, 4, 1);
        ck_assert_int_eq(pg_page_out(pool, addr, 4 * PAGE), 0);
        check_pages(addr, 4, 1);
        close_pool(pool);
}
END_TEST

TESTS("errors")
{
        add_for_both(tc, pg_open_refuses_members_out_of_range);
        add_for_both(tc, pg_open_refuses_a_budget_of_too_few_frames);
        add_for_both(tc, pg_open_refuses_a_swap_store_that_cannot_serve);
        add_for_both(tc, pg_open_refuses_a_policy_without_its_members);
        add_for_both(tc, attaching_and_detaching);
        add_for_both(tc, mapping_calls_refuse);
        add_for_both(tc, calls_on_ranges_refuse_what_is_no_range_of_a_mapping);
        add_for_both(tc, other_calls_leave_errno_alone);
        add_for_both(tc, every_call_in_a_child_of_fork_is_echild);
}
