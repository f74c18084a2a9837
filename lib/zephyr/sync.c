/* SPDX-License-Identifier: MIT */
/* sync.c - slabs, mutexes, semaphores: a few words each, changed with interrupts locked. All who
 * wait wait for the same thing (AWAIT_OBJECTS) and look again. */
#include "machine.h"

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

static bool slab_has_free(const void *slab)
{
        return ((const struct k_mem_slab *)slab)->free_list;
}

int k_mem_slab_alloc(struct k_mem_slab *slab, void **block, k_timeout_t timeout)
{
        unsigned int key = irq_lock();
        int error = unpaged_lock_wait_for(slab_has_free, slab, timeout);

        *block = slab->free_list;
        if (!error) {
                slab->free_list = *(void **)*block;
                slab->info.num_used++;
        }
        irq_unlock(key);
        return error == -EBUSY ? -ENOMEM : error;
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
        unpaged_lock_wake(AWAIT_OBJECTS);
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

static bool mutex_is_ours(const void *object)
{
        const struct k_mutex *mutex = object;

        return mutex->depth == 0 || mutex->owner == unpaged_thread_current();
}

int k_mutex_lock(struct k_mutex *mutex, k_timeout_t timeout)
{
        unsigned int key = irq_lock();
        int error = unpaged_lock_wait_for(mutex_is_ours, mutex, timeout);

        if (!error) {
                mutex->owner = unpaged_thread_current();
                mutex->depth++;
        }
        irq_unlock(key);
        return error;
}

int k_mutex_unlock(struct k_mutex *mutex)
{
        unsigned int key = irq_lock();
        int error = 0;

        if (mutex->depth == 0)
                error = -EINVAL;
        else if (mutex->owner != unpaged_thread_current())
                error = -EPERM;
        else if (--mutex->depth == 0)
                unpaged_lock_wake(AWAIT_OBJECTS);
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

static bool sem_has_some(const void *sem)
{
        return ((const struct k_sem *)sem)->count != 0;
}

int k_sem_take(struct k_sem *sem, k_timeout_t timeout)
{
        unsigned int key = irq_lock();
        int error = unpaged_lock_wait_for(sem_has_some, sem, timeout);

        if (!error)
                sem->count--;
        irq_unlock(key);
        return error;
}

void k_sem_give(struct k_sem *sem)
{
        unsigned int key = irq_lock();

        if (sem->count < sem->limit)
                sem->count++;
        unpaged_lock_wake(AWAIT_OBJECTS);
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
