/* SPDX-License-Identifier: MIT */
/* sync.c - slabs, mutexes, semaphores: a few words each, changed with interrupts locked. All who wait
 * wait for the same thing (AWAIT_OBJECTS) and look again. */
#include "machine.h"

/* -EBUSY at once or -EAGAIN after the time, as the calls of both kinds answer. */
static int too_late(k_timeout_t timeout)
{
        return timeout.ticks == 0 ? -EBUSY : -EAGAIN;
}

/* Waits until *word, which is `until_not` now, is something else. False: the time is over. */
static bool await(const unsigned int *word, unsigned int until_not, k_timeout_t timeout)
{
        int64_t deadline = clock_deadline(timeout);
        bool waits = timeout.ticks != 0;

        while (*word == until_not && waits)
                waits = lock_wait(AWAIT_OBJECTS, deadline);
        return *word != until_not;
}

/* ---- slabs --------------------------------------------------------------------------------- */

int k_mem_slab_init(struct k_mem_slab *slab, void *buffer, size_t block_size, uint32_t num_blocks)
{
        if (block_size % sizeof(void *) != 0 || (uintptr_t)buffer % sizeof(void *) != 0 ||
            block_size == 0)
                return -EINVAL;
        *slab = (struct k_mem_slab){.buffer = buffer,
                                    .info = {.num_blocks = num_blocks, .block_size = block_size}};
        for (uint32_t i = num_blocks; i-- > 0;) {
                void **block = (void **)(void *)(slab->buffer + i * block_size);

                *block = slab->free_list;
                slab->free_list = block;
        }
        return 0;
}

int k_mem_slab_alloc(struct k_mem_slab *slab, void **block, k_timeout_t timeout)
{
        int64_t deadline = clock_deadline(timeout);
        unsigned int key = irq_lock();
        bool waits = timeout.ticks != 0;
        int error = 0;

        while (!slab->free_list && waits)
                waits = lock_wait(AWAIT_OBJECTS, deadline);
        *block = slab->free_list;
        if (*block) {
                slab->free_list = *(void **)*block;
                slab->info.num_used++;
        } else
                error = timeout.ticks == 0 ? -ENOMEM : -EAGAIN;
        irq_unlock(key);
        return error;
}

void k_mem_slab_free(struct k_mem_slab *slab, void *block)
{
        unsigned int key = irq_lock();

        __ASSERT((char *)block >= slab->buffer &&
                         (char *)block <
                                 slab->buffer + slab->info.num_blocks * slab->info.block_size &&
                         (size_t)((char *)block - slab->buffer) % slab->info.block_size == 0,
                 "%p is no block of the slab", block);
        *(void **)block = slab->free_list;
        slab->free_list = block;
        slab->info.num_used--;
        lock_wake(AWAIT_OBJECTS);
        irq_unlock(key);
}

uint32_t k_mem_slab_num_used_get(struct k_mem_slab *slab)
{
        return slab->info.num_used;
}

uint32_t k_mem_slab_num_free_get(struct k_mem_slab *slab)
{
        return slab->info.num_blocks - slab->info.num_used;
}

/* ---- mutexes ------------------------------------------------------------------------------- */

int k_mutex_init(struct k_mutex *mutex)
{
        *mutex = (struct k_mutex){0};
        return 0;
}

int k_mutex_lock(struct k_mutex *mutex, k_timeout_t timeout)
{
        int64_t deadline = clock_deadline(timeout);
        unsigned int key = irq_lock();
        bool waits = timeout.ticks != 0;
        int error = 0;

        while (mutex->depth != 0 && mutex->owner != thread_current() && waits)
                waits = lock_wait(AWAIT_OBJECTS, deadline);
        if (mutex->depth == 0 || mutex->owner == thread_current()) {
                mutex->owner = thread_current();
                mutex->depth++;
        } else
                error = too_late(timeout);
        irq_unlock(key);
        return error;
}

int k_mutex_unlock(struct k_mutex *mutex)
{
        unsigned int key = irq_lock();
        int error = 0;

        if (mutex->depth == 0)
                error = -EINVAL;
        else if (mutex->owner != thread_current())
                error = -EPERM;
        else if (--mutex->depth == 0)
                lock_wake(AWAIT_OBJECTS);
        irq_unlock(key);
        return error;
}

/* ---- semaphores ---------------------------------------------------------------------------- */

int k_sem_init(struct k_sem *sem, unsigned int initial, unsigned int limit)
{
        if (limit == 0 || initial > limit)
                return -EINVAL;
        *sem = (struct k_sem){initial, limit};
        return 0;
}

int k_sem_take(struct k_sem *sem, k_timeout_t timeout)
{
        unsigned int key = irq_lock();
        int error = 0;

        if (await(&sem->count, 0, timeout))
                sem->count--;
        else
                error = too_late(timeout);
        irq_unlock(key);
        return error;
}

void k_sem_give(struct k_sem *sem)
{
        unsigned int key = irq_lock();

        if (sem->count < sem->limit)
                sem->count++;
        lock_wake(AWAIT_OBJECTS);
        irq_unlock(key);
}

void k_sem_reset(struct k_sem *sem)
{
        unsigned int key = irq_lock();

        sem->count = 0;
        irq_unlock(key);
}

unsigned int k_sem_count_get(struct k_sem *sem)
{
        return sem->count;
}
