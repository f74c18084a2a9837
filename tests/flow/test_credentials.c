/* SPDX-License-Identifier: MIT */
/*
 * test_credentials.c - a program that gives up privileges gives up those of the handler threads.
 *
 * What each thread has is what the kernel says in /proc. Each test is a process of its own, so it
 * may give up what it likes. Without root there is nothing to give up: then a test says so.
 */
#include "child.h"
#include "credentials.h"
#include "flaky_store.h"
#include "probe.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#define NOBODY 65534u
#define PAGES  256u

/* ---- each call ------------------------------------------------------------------------------ */

int capset(struct __user_cap_header_struct *header, const struct __user_cap_data_struct *data);

static int sets_all(uint32_t low)
{
        struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
        struct __user_cap_data_struct data[2] = {{low, low, low}};

        return capset(&header, data);
}

static int call_setuid(void)
{
        return setuid(NOBODY);
}

static int call_seteuid_and_back(void)
{
        if (seteuid(NOBODY) != 0)
                return -1;
        expect_same(1);
        return seteuid(0);
}

static int call_setreuid(void)
{
        return setreuid(0, NOBODY);
}

static int call_setresuid(void)
{
        return setresuid(NOBODY, NOBODY, 0);
}

static int call_setgid(void)
{
        return setgid(NOBODY);
}

static int call_setegid(void)
{
        return setegid(NOBODY);
}

static int call_setregid(void)
{
        return setregid(NOBODY, 12);
}

static int call_setresgid(void)
{
        return setresgid(1, 2, 3);
}

static int call_setgroups(void)
{
        static const gid_t groups[] = {7, 5, 100000};

        return setgroups(3, groups);
}

static int call_setgroups_many(void)
{
        static gid_t groups[NGROUPS_MAX];

        for (unsigned i = 0; i < NGROUPS_MAX; i++)
                groups[i] = 1000 + i;
        return setgroups(NGROUPS_MAX, groups);
}

static int call_initgroups(void)
{
        return initgroups("nobody", 4321);
}

static int call_capset(void)
{
        return sets_all(1u << CAP_NET_BIND_SERVICE | 1u << CAP_CHOWN);
}

static int call_no_new_privs(void)
{
        return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

static int call_bounding(void)
{
        return prctl(PR_CAPBSET_DROP, CAP_SYS_ADMIN, 0, 0, 0) ||
               prctl(PR_CAPBSET_DROP, CAP_SYS_PTRACE, 0, 0, 0);
}

/* What daemons do that keep one capability. */
static int call_keepcaps(void)
{
        if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0 || setuid(NOBODY) != 0)
                return -1;
        expect_same(1);
        if (sets_all(1u << CAP_NET_BIND_SERVICE) != 0)
                return -1;
        expect_same(1);
        return prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_BIND_SERVICE, 0, 0);
}

static int call_securebits(void)
{
        if (prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP | SECBIT_KEEP_CAPS_LOCKED, 0, 0, 0) !=
            0)
                return -1;
        return setresuid(NOBODY, NOBODY, NOBODY);
}

/* Changed past the library, and then a call that it sees. Under a sanitizer our threads are such as
 * the C library knows: then it is too late. */
static int call_after_system_calls(void)
{
        struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
        struct __user_cap_data_struct data[2] = {{0}};

        if (*SANITIZER)
                return setuid(NOBODY);
        data[0].permitted = data[0].effective = 1u << CAP_SETUID;
        if (syscall(SYS_setgroups, 0, NULL) != 0 || syscall(SYS_setresgid, 4, 4, 4) != 0 ||
            syscall(SYS_prctl, PR_CAPBSET_DROP, CAP_SYS_ADMIN, 0, 0, 0) != 0 ||
            syscall(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
            syscall(SYS_capset, &header, data) != 0)
                return -1;
        return setuid(NOBODY);
}

static const struct {
        const char *name;
        int (*make)(void);
} calls[] = {
        {"setuid", call_setuid},
        {"seteuid, and back", call_seteuid_and_back},
        {"setreuid", call_setreuid},
        {"setresuid", call_setresuid},
        {"setgid", call_setgid},
        {"setegid", call_setegid},
        {"setregid", call_setregid},
        {"setresgid", call_setresgid},
        {"setgroups", call_setgroups},
        {"setgroups, as many as there can be", call_setgroups_many},
        {"initgroups", call_initgroups},
        {"capset", call_capset},
        {"prctl: no_new_privs", call_no_new_privs},
        {"prctl: bounding set", call_bounding},
        {"prctl: keepcaps, ambient", call_keepcaps},
        {"prctl: securebits", call_securebits},
        {"setuid after system calls", call_after_system_calls},
};

START_TEST(handler_threads_have_what_the_caller_has_when_a_call_returns)
{
        struct pg_pool *pools[2];
        char *map;

        if (!is_root())
                return;
        for (unsigned i = 0; i < 2; i++)
                pools[i] = open_frames(PG_DELIVERY_THREAD, 64, 0);
        map = map_pages(pools[0], PAGES, 0);
        touch_pages_of(map, PAGES, 1);
        fprintf(stderr, "%s\n", calls[_i].name);
        ck_assert_int_eq(calls[_i].make(), 0);
        expect_same(2);
        touch_pages_of(map, PAGES, 2);
        for (unsigned i = 0; i < 2; i++)
                close_pool(pools[i]);
}
END_TEST

START_TEST(daemon_that_drops_root_keeps_its_pages_and_cannot_have_it_back)
{
        static const gid_t groups[] = {11, 12};
        struct pg_pool *pool;
        char *map;

        if (!is_root())
                return;
        pool = open_frames(_i, 64, PG_POOL_INHERIT);
        map = map_pages(pool, PAGES, 0);
        touch_pages_of(map, PAGES, 1);
        ck_assert_int_eq(setgroups(2, groups), 0);
        ck_assert_int_eq(setgid(NOBODY), 0);
        ck_assert_int_eq(setuid(NOBODY), 0);
        ck_assert_int_eq(setuid(0), -1);
        ck_assert_int_eq(errno, EPERM);
        expect_same_of(_i == PG_DELIVERY_THREAD ? 5 : 1);
        for (unsigned i = 0; i < PAGES; i++)
                ck_assert_int_eq(map[i * PAGE], (char)(1 + (char)i));
        touch_pages_of(map, PAGES, 3);
        close_pool(pool);
}
END_TEST

/* ---- threads of a program that differ ------------------------------------------------------- */

static void *keep_one_capability(void *arg)
{
        ck_assert_int_eq(sets_all(1u << CAP_NET_BIND_SERVICE), 0);
        return arg;
}

/* capset() is of one thread. Ours have what none of them has given up, and nobody is aborted. */
START_TEST(threads_with_different_capabilities_leave_ours_with_what_both_have)
{
        struct pg_pool *pool;
        pthread_t thread;
        char *map;

        if (!is_root())
                return;
        pool = open_frames(_i, 64, 0);
        map = map_pages(pool, PAGES, 0);
        ck_assert_int_eq(pthread_create(&thread, NULL, keep_one_capability, NULL), 0);
        pthread_join(thread, NULL);
        ck_assert_int_eq(prctl(PR_CAPBSET_DROP, CAP_SYS_ADMIN, 0, 0, 0), 0);
        ck_assert_int_eq(sets_all(1u << CAP_NET_RAW | 1u << CAP_SETUID | 1u << CAP_SETGID), 0);
        touch_pages_of(map, PAGES, 1);
        close_pool(pool);
}
END_TEST

/* ---- a pool without a thread ---------------------------------------------------------------- */

static unsigned count_threads(void)
{
        unsigned others = 0;

        threads_that_differ(&others);
        return others;
}

START_TEST(pool_that_spares_descriptors_by_signal_has_no_thread)
{
        unsigned before = count_threads();
        struct pg_pool *pool = open_frames(PG_DELIVERY_SIGNAL, 64, PG_POOL_SPARES_FDS);
        char *map = map_pages(pool, PAGES, 0);

        touch_pages_of(map, PAGES, 1);
        ck_assert_uint_eq(count_threads(), before);
        close_pool(pool);
        pool = open_frames(PG_DELIVERY_SIGNAL, 64, 0);
        ck_assert_uint_eq(count_threads(), before + 2); /* keeper and resizer */
        close_pool(pool);
}
END_TEST

/* ---- in the midst of faults ----------------------------------------------------------------- */

static _Atomic bool stop;
static _Atomic unsigned long rounds;

static void *touch_on(void *arg)
{
        char *map = arg;

        for (char value = 0; !atomic_load(&stop); value++) {
                for (unsigned i = 0; i < PAGES; i++)
                        map[i * PAGE + 1] = value;
                for (unsigned i = 0; i < PAGES; i++)
                        if (map[i * PAGE + 1] != value)
                                return map;
                atomic_fetch_add(&rounds, 1);
        }
        return NULL;
}

/* The thread waits for a page inside a system call, where the C library's signal finds it. */
static void *read_on(void *arg)
{
        int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
        char *map = arg;

        while (!atomic_load(&stop)) {
                for (unsigned i = 0; i < PAGES; i++)
                        map[i * PAGE + 2] = 1;
                for (unsigned i = 0; i < PAGES; i++)
                        if (read(fd, map + i * PAGE, 8) != 8 || map[i * PAGE + 2] != 0)
                                return map;
                atomic_fetch_add(&rounds, 1);
        }
        close(fd);
        return NULL;
}

START_TEST(faults_are_served_while_calls_change_users_all_the_time)
{
        void *(*const runs[])(void *) = {touch_on, touch_on, read_on};
        pthread_t threads[3];
        struct pg_pool *pool;
        uint64_t began;
        void *failed;

        if (!is_root())
                return;
        pool = open_frames(PG_DELIVERY_THREAD, 64, 0);
        for (unsigned i = 0; i < 3; i++)
                ck_assert_int_eq(
                        pthread_create(&threads[i], NULL, runs[i], map_pages(pool, PAGES, 0)), 0);
        began = now_ns();
        for (unsigned i = 0; i < 60; i++) {
                ck_assert_int_eq(seteuid(i % 2 ? 0 : NOBODY), 0);
                expect_same(1);
        }
        fprintf(stderr, "60 calls in %llu ms, %lu rounds of faults\n",
                (unsigned long long)((now_ns() - began) / 1000000), atomic_load(&rounds));
        began = atomic_load(&rounds);
        ck_assert_settles(atomic_load(&rounds) > began);
        atomic_store(&stop, true);
        for (unsigned i = 0; i < 3; i++) {
                pthread_join(threads[i], &failed);
                ck_assert_ptr_null(failed);
        }
        ck_assert_int_eq(setuid(NOBODY), 0);
        expect_same(1);
        close_pool(pool);
}
END_TEST

static sem_t is_in_store, may_leave_store;
static _Atomic bool call_returned;

static void wait_in_store(struct flaky *f, _Atomic int *which, uint64_t offset)
{
        (void)f, (void)which, (void)offset;
        sem_post(&is_in_store);
        while (sem_wait(&may_leave_store) != 0)
                ;
}

static void *touch_one(void *arg)
{
        touch(arg);
        return NULL;
}

static void *change_group(void *arg)
{
        ck_assert_int_eq(setegid(NOBODY), 0);
        atomic_store(&call_returned, true);
        return arg;
}

/* The store waits for the program, the program for a page. The call waits for both. */
START_TEST(call_waits_for_a_handler_in_its_store_and_no_fault_waits_for_the_call)
{
        struct flaky *slow = flaky_new(16, PAGE, true);
        pthread_t toucher, caller;
        struct pg_pool *pool;
        uint64_t began, worst = 0;
        char *map, *slow_map;

        if (!is_root())
                return;
        sem_init(&is_in_store, 0, 0);
        sem_init(&may_leave_store, 0, 0);
        pool = open_frames(PG_DELIVERY_THREAD, 64, PG_POOL_STRICT);
        map = map_pages(pool, PAGES, 0);
        slow_map = map_store(pool, &slow->store, 16, 0);
        atomic_store(&slow->hook, wait_in_store);
        pthread_create(&toucher, NULL, touch_one, slow_map);
        sem_wait(&is_in_store);
        pthread_create(&caller, NULL, change_group, NULL);
        usleep(20000);
        for (unsigned i = 0; i < PAGES; i++) {
                began = now_ns();
                touch(map + i * PAGE);
                worst = now_ns() - began > worst ? now_ns() - began : worst;
        }
        ck_assert(!atomic_load(&call_returned));
        fprintf(stderr, "during the call: worst fault %llu ms\n",
                (unsigned long long)(worst / 1000000));
        atomic_store(&slow->hook, NULL);
        sem_post(&may_leave_store);
        pthread_join(caller, NULL);
        expect_same(1);
        pthread_join(toucher, NULL);
        ck_assert_uint_lt(worst, 2000000000u);
        close_pool(pool);
        flaky_delete(slow);
}
END_TEST

static void *change_group_later(void *arg)
{
        unsigned *number = arg;

        usleep(*number * 37 % 2500);
        ck_assert_int_eq(setegid(1000 + *number), 0);
        return NULL;
}

START_TEST(pool_that_is_opened_meanwhile_follows_as_well)
{
        struct pg_pool *pool;
        pthread_t caller;

        if (!is_root())
                return;
        for (unsigned i = 0; i < 60; i++) {
                ck_assert_int_eq(pthread_create(&caller, NULL, change_group_later, &i), 0);
                pool = open_frames(PG_DELIVERY_THREAD, 16, 0);
                pthread_join(caller, NULL);
                expect_same(1);
                close_pool(pool);
        }
}
END_TEST

TESTS("credentials")
{
        tcase_add_loop_test(tc, handler_threads_have_what_the_caller_has_when_a_call_returns, 0,
                            (int)(sizeof(calls) / sizeof(calls[0])));
        add_for_both(tc, daemon_that_drops_root_keeps_its_pages_and_cannot_have_it_back);
        add_for_both(tc, threads_with_different_capabilities_leave_ours_with_what_both_have);
        tcase_add_test(tc, pool_that_spares_descriptors_by_signal_has_no_thread);
        tcase_add_test(tc, faults_are_served_while_calls_change_users_all_the_time);
        tcase_add_test(tc, call_waits_for_a_handler_in_its_store_and_no_fault_waits_for_the_call);
        tcase_add_test(tc, pool_that_is_opened_meanwhile_follows_as_well);
}
