/* SPDX-License-Identifier: MIT */
/*
 * test_follow.c - where the followers of thread delivery stand, seen from outside: which CPU each
 * is bound to and how often it ran, as /proc tells.
 *
 * The machine may be busy with other things, so a state is waited for: what is expected must be
 * true of one interval of the run, within many.
 */
#include "support.h"

#include <dirent.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#define PAGES       256u
#define INTERVAL_US 20000
#define INTERVALS   1000
#define MOST        16u

struct handler {
        pid_t tid;
        int cpu; /* -1: more than one */
        unsigned long runs;
};

struct toucher {
        char *map;
        size_t cpu;
        _Atomic unsigned long faults;
        _Atomic bool stop;
        pthread_t thread;
};

/* ---- what /proc tells ---------------------------------------------------------------------- */

static unsigned long number_after(const char *text, const char *name)
{
        const char *at = strstr(text, name);

        return at ? strtoul(at + strlen(name), NULL, 10) : 0;
}

static bool read_status(const char *tid, struct handler *h)
{
        char path[300], text[4096], *list;
        size_t n;
        FILE *file;

        snprintf(path, sizeof(path), "/proc/self/task/%s/status", tid);
        file = fopen(path, "r");
        if (!file)
                return false;
        n = fread(text, 1, sizeof(text) - 1, file);
        fclose(file);
        text[n] = '\0';
        if (strncmp(text, "Name:\tunpaged\n", 14) != 0)
                return false;
        list = strstr(text, "Cpus_allowed_list:\t");
        ck_assert_ptr_nonnull(list);
        list += strlen("Cpus_allowed_list:\t");
        h->tid = atoi(tid);
        h->cpu = list[strspn(list, "0123456789")] == '\n' ? atoi(list) : -1;
        h->runs = number_after(text, "\nvoluntary_ctxt_switches:\t") +
                  number_after(text, "nonvoluntary_ctxt_switches:\t");
        return true;
}

/* Sorted as the kernel lists them, which is the same each time. */
static unsigned followers(struct handler h[MOST])
{
        DIR *dir = opendir("/proc/self/task");
        struct dirent *entry;
        unsigned n = 0;

        while (dir && n < MOST && (entry = readdir(dir)))
                if (entry->d_name[0] != '.')
                        n += read_status(entry->d_name, &h[n]);
        closedir(dir);
        return n;
}

/* ---- threads that fault -------------------------------------------------------------------- */

static void bind_to(size_t cpu)
{
        cpu_set_t set;

        CPU_ZERO(&set);
        CPU_SET(cpu, &set);
        ck_assert_int_eq(sched_setaffinity(0, sizeof(set), &set), 0);
}

static void *touch_always(void *arg)
{
        struct toucher *t = arg;
        unsigned page = 0;

        bind_to(t->cpu);
        while (!atomic_load(&t->stop)) {
                page = (page + 1) % PAGES;
                touch(t->map + page * PAGE);
                atomic_fetch_add_explicit(&t->faults, 1, memory_order_relaxed);
        }
        return NULL;
}

static void toucher_start(struct toucher *t, struct pg_pool *pool, size_t cpu)
{
        *t = (struct toucher){.map = map_pages(pool, PAGES, 0), .cpu = cpu};
        ck_assert_int_eq(pthread_create(&t->thread, NULL, touch_always, t), 0);
}

static void toucher_stop(struct toucher *t)
{
        atomic_store(&t->stop, true);
        pthread_join(t->thread, NULL);
}

static pthread_t burner;
static _Atomic bool burnt;

static void *burn(void *arg)
{
        bind_to(*(size_t *)arg);
        while (!atomic_load_explicit(&burnt, memory_order_relaxed))
                ;
        return NULL;
}

static void burner_start(size_t cpu)
{
        static size_t where;

        where = cpu;
        ck_assert_int_eq(pthread_create(&burner, NULL, burn, &where), 0);
}

static void burner_stop(void)
{
        atomic_store(&burnt, true);
        pthread_join(burner, NULL);
}

/* The first two CPUs that we may use. False: there are no two. */
static bool two_cpus(size_t cpus[2])
{
        unsigned n = 0;
        cpu_set_t set;

        ck_assert_int_eq(sched_getaffinity(0, sizeof(set), &set), 0);
        for (size_t cpu = 0; cpu < CPU_SETSIZE && n < 2; cpu++)
                if (CPU_ISSET(cpu, &set))
                        cpus[n++] = cpu;
        return n == 2;
}

/* ---- what is expected ---------------------------------------------------------------------- */

/* How often the followers ran that stand on this CPU, or (-1) anywhere. */
static unsigned long runs_on(const struct handler *from, const struct handler *to, unsigned n,
                             int cpu)
{
        unsigned long runs = 0;

        for (unsigned i = 0; i < n; i++)
                if (from[i].tid == to[i].tid &&
                    (cpu < 0 || (from[i].cpu == cpu && to[i].cpu == cpu)))
                        runs += to[i].runs - from[i].runs;
        return runs;
}

/* Without fdinfo a helper reads beside the followers, on any CPU: then nothing of this is expected.
 * Waits for an interval in which each thread had a follower on its CPU, which ran for at least
 * half of its faults, and all others together for less than an eighth of all. */
static bool served_at_home(struct toucher *touchers, unsigned n)
{
        struct handler from[MOST], to[MOST];
        unsigned long faults[2], all, home;
        unsigned count = 0, good;

        for (unsigned try = 0; try < INTERVALS; try++) {
                count = followers(from);
                for (unsigned i = 0; i < n; i++)
                        faults[i] = atomic_load(&touchers[i].faults);
                usleep(INTERVAL_US);
                all = home = good = 0;
                for (unsigned i = 0; i < n; i++)
                        faults[i] = atomic_load(&touchers[i].faults) - faults[i];
                if (followers(to) != count)
                        continue;
                for (unsigned i = 0; i < n; i++) {
                        unsigned long runs = runs_on(from, to, count, (int)touchers[i].cpu);

                        good += faults[i] > 50 && runs >= faults[i] / 2;
                        all += faults[i];
                        home += runs;
                }
                if (good == n && runs_on(from, to, count, -1) - home <= all / 8)
                        return true;
        }
        for (unsigned i = 0; i < count; i++)
                fprintf(stderr, "follower %d on %d: %lu runs\n", to[i].tid, to[i].cpu,
                        to[i].runs - from[i].runs);
        for (unsigned i = 0; i < n; i++)
                fprintf(stderr, "thread on %zu: %lu faults\n", touchers[i].cpu, faults[i]);
        return false;
}

START_TEST(each_cpu_of_a_crowd_has_a_follower_and_one_thread_wakes_only_one)
{
        struct toucher t[2];
        struct pg_pool *pool;
        size_t cpus[2];

        if (!two_cpus(cpus) || is_masked("thread_id") || is_masked("fdinfo"))
                return;
        pool = open_frames(PG_DELIVERY_THREAD, 64, PG_POOL_STRICT);
        toucher_start(&t[0], pool, cpus[0]);
        ck_assert(served_at_home(&t[0], 1));
        for (unsigned round = 0; round < 3; round++) {
                unsigned goes = round % 2, stays = 1 - goes;

                toucher_start(&t[stays], pool, cpus[stays]);
                ck_assert(served_at_home(t, 2));
                toucher_stop(&t[goes]);
                ck_assert(served_at_home(&t[stays], 1));
        }
        toucher_stop(&t[1]);
        close_pool(pool);
}
END_TEST

/* One goes to another CPU: so does its follower. */
START_TEST(follower_moves_with_its_thread)
{
        struct toucher t;
        struct pg_pool *pool;
        size_t cpus[2];

        if (!two_cpus(cpus) || is_masked("thread_id") || is_masked("fdinfo"))
                return;
        pool = open_frames(PG_DELIVERY_THREAD, 64, PG_POOL_STRICT);
        for (unsigned round = 0; round < 4; round++) {
                toucher_start(&t, pool, cpus[round % 2]);
                ck_assert(served_at_home(&t, 1));
                toucher_stop(&t);
                ck_assert_int_eq(pg_unmap(pool, t.map, PAGES * PAGE), 0);
        }
        close_pool(pool);
}
END_TEST

/* A follower can be stopped with a message in its hand, while others read on. */
START_TEST(busy_cpu_in_a_crowd_does_not_starve_its_faults)
{
        struct toucher t[2];
        struct pg_pool *pool;
        unsigned long last = 0, now;
        unsigned still = 0, most = 0;
        size_t cpus[2];

        if (!two_cpus(cpus))
                return;
        pool = open_frames(PG_DELIVERY_THREAD, 64, PG_POOL_STRICT);
        for (unsigned i = 0; i < 2; i++)
                toucher_start(&t[i], pool, cpus[i]);
        burner_start(cpus[1]);
        for (unsigned i = 0; i < 300; i++) {
                usleep(10000);
                now = atomic_load(&t[1].faults);
                still = now == last ? still + 1 : 0;
                most = still > most ? still : most;
                last = now;
        }
        burner_stop();
        for (unsigned i = 0; i < 2; i++)
                toucher_stop(&t[i]);
        fprintf(stderr, "beside a busy thread: %lu faults, %lu elsewhere, %u intervals without\n",
                t[1].faults, t[0].faults, most);
        ck_assert_uint_lt(most, 50);
        close_pool(pool);
}
END_TEST

TESTS("follow")
{
        tcase_add_test(tc, each_cpu_of_a_crowd_has_a_follower_and_one_thread_wakes_only_one);
        tcase_add_test(tc, follower_moves_with_its_thread);
        tcase_add_test(tc, busy_cpu_in_a_crowd_does_not_starve_its_faults);
}
