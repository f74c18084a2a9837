/* SPDX-License-Identifier: MIT */
/* sync.h - memory slabs, mutexes, semaphores, the scheduler lock. All are changed under the
 * interrupt lock; waiting gives it up. */
#ifndef ZEPHYR_KERNEL_SYNC_H
#define ZEPHYR_KERNEL_SYNC_H

#include <stddef.h>
#include <zephyr/kernel/thread.h>

/* Blocks of one size in memory of the caller; the free ones are a list through their first
 * words. */
struct k_mem_slab_info {
        uint32_t num_blocks;
        size_t block_size;
        uint32_t num_used;
};

struct k_mem_slab {
        char *buffer;
        void *free_list;
        struct k_mem_slab_info info;
};

/* 0; -EINVAL: a block size or buffer that is not a multiple of a pointer's size. */
int k_mem_slab_init(struct k_mem_slab *slab, void *buffer, size_t block_size, uint32_t num_blocks);

/* 0; -ENOMEM: none is free (K_NO_WAIT), -EAGAIN: nor became so within the time. */
int k_mem_slab_alloc(struct k_mem_slab *slab, void **block, k_timeout_t timeout);
void k_mem_slab_free(struct k_mem_slab *slab, void *block);
uint32_t k_mem_slab_num_used_get(struct k_mem_slab *slab);
uint32_t k_mem_slab_num_free_get(struct k_mem_slab *slab);

struct k_mutex {
        k_tid_t owner;
        unsigned int depth;
};
#define K_MUTEX_DEFINE(name) struct k_mutex name = {0}

int k_mutex_init(struct k_mutex *mutex);
/* 0; -EBUSY, -EAGAIN: held by another thread, after no or some waiting. */
int k_mutex_lock(struct k_mutex *mutex, k_timeout_t timeout);
/* 0; -EINVAL: not locked; -EPERM: by another thread. */
int k_mutex_unlock(struct k_mutex *mutex);

struct k_sem {
        unsigned int count, limit;
};
#define K_SEM_MAX_LIMIT                   UINT32_MAX
#define K_SEM_DEFINE(name, initial, most) struct k_sem name = {initial, most}

/* 0; -EINVAL: a limit of 0, or less than the count. */
int k_sem_init(struct k_sem *sem, unsigned int initial, unsigned int limit);
/* 0; -EBUSY, -EAGAIN as for a mutex. */
int k_sem_take(struct k_sem *sem, k_timeout_t timeout);
void k_sem_give(struct k_sem *sem);
void k_sem_reset(struct k_sem *sem);
unsigned int k_sem_count_get(struct k_sem *sem);

/* Interrupts stay unlocked on a board; here, where other threads run on other CPUs, nothing
 * happens. */
static inline void k_sched_lock(void)
{
}

static inline void k_sched_unlock(void)
{
}

#endif
