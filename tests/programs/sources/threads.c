/* SPDX-License-Identifier: MIT */
/*
 * threads.c - `threads COUNT`: that many threads, some at a time, which come and go. Memory is
 * allocated by one and freed by another, given back by threads that are gone, resized, aligned; each
 * block holds what its number says, and is checked before it is freed.
 *
 * Every eighth thread has a stack from malloc, and with it its descriptor, where the kernel says that
 * the thread has ended: were that lost, a join would wait for ever. Every fifth is detached.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AT_ONCE 16
#define SLOTS   16384
#define STACK   (64 << 10)

struct block {
        size_t size;
        uint64_t seed;
        uint64_t words[];
};

static _Atomic(struct block *) slots[SLOTS];
static atomic_uint_fast64_t allocated, sum, detached_done;
static _Thread_local uint64_t own[512];
static pthread_key_t key;

static uint64_t mix(uint64_t z)
{
        z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
        return z ^ (z >> 31);
}

static size_t words_of(size_t size)
{
        return (size - sizeof(struct block)) / sizeof(uint64_t);
}

static struct block *block_new(uint64_t seed)
{
        size_t size = sizeof(struct block) + 8 * (seed % 64 ? seed % 1500 : seed % 60000);
        struct block *b = NULL;

        switch (seed % 5) {
        case 0:
                b = calloc(1, size);
                for (size_t i = 0; b && i < size; i++) {
                        if (((char *)b)[i])
                                abort();
                }
                break;
        case 1:
                if (posix_memalign((void **)&b, 4096, size) || (uintptr_t)b % 4096)
                        abort();
                break;
        default:
                b = malloc(size);
        }
        if (!b)
                abort();
        *b = (struct block){size, seed};
        for (size_t i = 0; i < words_of(size); i++)
                b->words[i] = mix(seed + i);
        atomic_fetch_add(&allocated, size);
        return b;
}

static void block_free(struct block *b)
{
        if (!b)
                return;
        if (b->seed % 7 == 0) { /* only its beginning stays */
                b->size = sizeof(*b) + 8 * (words_of(b->size) / 3);
                b = realloc(b, b->size);
                if (!b)
                        abort();
        }
        for (size_t i = 0; i < words_of(b->size); i++) {
                if (b->words[i] != mix(b->seed + i)) {
                        fprintf(stderr, "word %zu of block %lx is %lx\n", i, (unsigned long)b->seed,
                                (unsigned long)b->words[i]);
                        abort();
                }
        }
        free(b);
}

static void *run(void *number)
{
        uint64_t n = (uint64_t)(uintptr_t)number;

        for (uint64_t i = 0; i < 512; i++) {
                if (own[i])
                        abort(); /* somebody else's */
                own[i] = n + i;
        }
        pthread_setspecific(key, block_new(mix(n)));
        for (uint64_t i = 0; i < 20; i++) {
                uint64_t seed = mix(n * 64 + i);

                block_free(atomic_exchange(&slots[mix(seed) % SLOTS], block_new(seed)));
        }
        for (uint64_t i = 0; i < 512; i++)
                atomic_fetch_add(&sum, own[i]);
        if (n % 5 == 4)
                atomic_fetch_add(&detached_done, 1);
        return (void *)(uintptr_t)(n * 3);
}

static void key_end(void *block)
{
        block_free(block);
}

/* Starts thread n; false: it is detached. */
static int start(pthread_t *thread, uintptr_t n, void **stack)
{
        pthread_attr_t attr;

        pthread_attr_init(&attr);
        *stack = NULL;
        if (n % 5 == 4)
                pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
        else if (n % 8 == 1 && !posix_memalign(stack, 4096, STACK))
                pthread_attr_setstack(&attr, *stack, STACK);
        if (pthread_create(thread, &attr, run, (void *)n))
                abort();
        pthread_attr_destroy(&attr);
        return n % 5 != 4;
}

int main(int argc, char **argv)
{
        uintptr_t count = argc > 1 ? strtoul(argv[1], NULL, 10) : 100, wrong = 0, detached = 0;
        pthread_t threads[AT_ONCE];
        void *stacks[AT_ONCE], *result;
        int joinable[AT_ONCE];

        pthread_key_create(&key, key_end);
        for (uintptr_t n = 0; n < count; n += AT_ONCE) {
                for (uintptr_t i = 0; i < AT_ONCE; i++)
                        joinable[i] = start(&threads[i], n + i, &stacks[i]);
                for (uintptr_t i = 0; i < AT_ONCE; i++) {
                        if (!joinable[i])
                                detached++;
                        else if (pthread_join(threads[i], &result) ||
                                 (uintptr_t)result != (n + i) * 3)
                                wrong++;
                        free(stacks[i]);
                }
        }
        while (atomic_load(&detached_done) < detached)
                sched_yield();
        printf("%lu bytes, sum %lu, %lu wrong\n", (unsigned long)allocated, (unsigned long)sum,
               wrong);
        for (size_t i = 0; i < SLOTS; i++)
                block_free(atomic_load(&slots[i]));
        return 0;
}
