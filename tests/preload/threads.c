/* SPDX-License-Identifier: MIT */
/* threads.c - threads that come and go by the hundred, end last, or bring their own stacks. */
#include "case.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

#define WAVE  50u
#define WAVES 20u

static char *data;
static atomic_uint ended;

static void own_fill(void)
{
        data = data_map(DATA);
        data_fill(data, DATA, 1);
}

/* A little of the heap, and a part of the shared data that differs with `number`. */
static void *touch(void *arg)
{
        size_t number = (size_t)(uintptr_t)arg, size = 512 + number * 131 % 40000;
        size_t at = number * 7919 * PAGE % DATA;
        char *own = data_new(size);

        data_fill(own, size, number);
        must(*(uint64_t *)(data + at) == data_word(1, at / 8));
        must(data_wrong(own, size, number) == 0);
        free(own);
        ended++;
        return (void *)(number + 1);
}

static int waves(void)
{
        pthread_t threads[WAVE];
        void *result;

        own_fill();
        for (uintptr_t wave = 0; wave < WAVES; wave++) {
                for (uintptr_t i = 0; i < WAVE; i++)
                        must(pthread_create(&threads[i], NULL, touch, (void *)(wave * WAVE + i)) ==
                             0);
                for (uintptr_t i = 0; i < WAVE; i++)
                        must(pthread_join(threads[i], &result) == 0 &&
                             (uintptr_t)result == wave * WAVE + i + 1);
        }
        printf("%u threads\n", (unsigned)ended);
        must(data_wrong(data, DATA, 1) == 0);
        return 0;
}

static int detached(void)
{
        pthread_attr_t attr;
        pthread_t thread;

        own_fill();
        pthread_attr_init(&attr);
        pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
        for (uintptr_t i = 0; i < 500; i++) {
                int error;

                while ((error = pthread_create(&thread, &attr, touch, (void *)i)) == EAGAIN)
                        usleep(1000);
                must(error == 0);
        }
        while (ended < 500)
                usleep(1000);
        puts("five hundred detached");
        return 0;
}

/* ---- stacks of the program's own ------------------------------------------------------------ */

#define STACK ((size_t)128 << 10)

static void *own_stack_body(void *arg)
{
        volatile char deep[60000];
        uintptr_t number = (uintptr_t)arg;

        for (size_t i = 0; i < sizeof(deep); i++)
                deep[i] = (char)(number + i);
        usleep(2000);
        for (size_t i = 0; i < sizeof(deep); i++)
                must(deep[i] == (char)(number + i));
        return touch(arg);
}

static int stacks_of_its_own(void)
{
        pthread_t threads[12];
        void *stacks[12];

        own_fill();
        for (unsigned round = 0; round < 2; round++) {
                for (uintptr_t i = 0; i < 12; i++) {
                        pthread_attr_t attr;

                        must(posix_memalign(&stacks[i], PAGE, STACK) == 0);
                        data_fill(stacks[i], STACK, i);
                        evict_all();
                        pthread_attr_init(&attr);
                        must(pthread_attr_setstack(&attr, stacks[i], STACK) == 0);
                        must(pthread_create(&threads[i], &attr, own_stack_body, (void *)i) == 0);
                        pthread_attr_destroy(&attr);
                }
                evict_all();
                for (unsigned i = 0; i < 12; i++) {
                        must(pthread_join(threads[i], NULL) == 0);
                        free(stacks[i]);
                }
        }
        must(data_wrong(data, DATA, 1) == 0);
        puts("two dozen stacks");
        return 0;
}

/* ---- the last one --------------------------------------------------------------------------- */

static void *go_on(void *arg)
{
        for (unsigned i = 0; i < 5; i++) {
                usleep(20000);
                must(data_wrong(data, DATA, 1) == 0);
        }
        must(data_wrong(arg, DATA / 8, 2) == 0);
        if (ended++ == 2)
                puts("the last ends");
        return NULL;
}

static int main_ends_first(void)
{
        void *more;

        own_fill();
        more = data_new(DATA / 8);
        data_fill(more, DATA / 8, 2);
        for (unsigned i = 0; i < 3; i++) {
                pthread_t thread;

                must(pthread_create(&thread, NULL, go_on, more) == 0);
        }
        pthread_exit(NULL);
}

/* ---- thread-local data ---------------------------------------------------------------------- */

static _Thread_local char local[3 * PAGE];
static pthread_key_t key;

static void destroy(void *value)
{
        must(data_wrong(value, 50000, 5) == 0);
        free(value);
        ended++;
}

static void *with_local(void *arg)
{
        void *value = data_new(50000);

        data_fill(local, sizeof(local), (uintptr_t)arg);
        data_fill(value, 50000, 5);
        must(pthread_setspecific(key, value) == 0);
        must(data_wrong(data, DATA / 2, 1) == 0);
        must(data_wrong(local, sizeof(local), (uintptr_t)arg) == 0);
        return NULL;
}

static int local_data(void)
{
        pthread_t threads[16];

        own_fill();
        must(pthread_key_create(&key, destroy) == 0);
        for (uintptr_t i = 0; i < 16; i++)
                must(pthread_create(&threads[i], NULL, with_local, (void *)i) == 0);
        for (unsigned i = 0; i < 16; i++)
                pthread_join(threads[i], NULL);
        printf("%u destroyed\n", (unsigned)ended);
        return 0;
}

/* ---- together on the same pages ------------------------------------------------------------- */

static void *count_up(void *arg)
{
        atomic_ulong *counters = (atomic_ulong *)(void *)data;
        uint64_t random = (uintptr_t)arg;

        for (unsigned i = 0; i < 4000; i++) {
                random = random * 6364136223846793005u + 1442695040888963407u;
                counters[(random >> 33) % (DATA / sizeof(*counters))]++;
        }
        return NULL;
}

static int counters_lose_nothing(void)
{
        pthread_t threads[4];
        unsigned long total = 0;

        data = data_map(DATA);
        for (uintptr_t i = 0; i < 4; i++)
                must(pthread_create(&threads[i], NULL, count_up, (void *)(i + 1)) == 0);
        for (unsigned i = 0; i < 4; i++)
                pthread_join(threads[i], NULL);
        for (size_t i = 0; i < DATA / sizeof(total); i++)
                total += ((unsigned long *)(void *)data)[i];
        printf("%lu\n", total);
        return 0;
}

/* Locks and conditions that are out when they are waited for. */
struct shared {
        pthread_mutex_t mutex;
        pthread_cond_t changed;
        sem_t done;
        unsigned turn;
};

static void *take_turns(void *arg)
{
        struct shared *shared = arg;

        for (unsigned i = 0; i < 8; i++) {
                pthread_mutex_lock(&shared->mutex);
                while (shared->turn % 2 == 0)
                        pthread_cond_wait(&shared->changed, &shared->mutex);
                shared->turn++;
                pthread_cond_signal(&shared->changed);
                pthread_mutex_unlock(&shared->mutex);
        }
        sem_post(&shared->done);
        return NULL;
}

static int locks_are_out(void)
{
        struct shared *shared = data_new(sizeof(*shared));
        pthread_t thread;

        memset(shared, 0, sizeof(*shared));
        pthread_mutex_init(&shared->mutex, NULL);
        pthread_cond_init(&shared->changed, NULL);
        sem_init(&shared->done, 0, 0);
        must(pthread_create(&thread, NULL, take_turns, shared) == 0);
        for (unsigned i = 0; i < 8; i++) {
                evict_all();
                pthread_mutex_lock(&shared->mutex);
                shared->turn++;
                pthread_cond_signal(&shared->changed);
                while (shared->turn % 2 == 1)
                        pthread_cond_wait(&shared->changed, &shared->mutex);
                pthread_mutex_unlock(&shared->mutex);
        }
        sem_wait(&shared->done);
        pthread_join(thread, NULL);
        printf("%u turns\n", shared->turn);
        return 0;
}

static void *never_ends(void *arg)
{
        for (;;) {
                must(data_wrong(data, DATA / 4, 1) == 0);
                pthread_testcancel();
        }
        return arg;
}

static int cancelled(void)
{
        own_fill();
        for (unsigned i = 0; i < 10; i++) {
                pthread_t thread;
                void *result;

                must(pthread_create(&thread, NULL, never_ends, NULL) == 0);
                usleep(10000);
                must(pthread_cancel(thread) == 0);
                must(pthread_join(thread, &result) == 0 && result == PTHREAD_CANCELED);
        }
        puts("ten cancelled");
        return 0;
}

static const struct test_case cases[] = {
        {"waves", waves},
        {"detached", detached},
        {"stacks_of_its_own", stacks_of_its_own},
        {"main_ends_first", main_ends_first},
        {"local_data", local_data},
        {"counters_lose_nothing", counters_lose_nothing},
        {"locks_are_out", locks_are_out},
        {"cancelled", cancelled},
        {NULL, NULL},
};

int main(int argc, char **argv)
{
        return cases_run(argc, argv, cases);
}
