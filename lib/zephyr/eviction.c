/* SPDX-License-Identifier: MIT */
/*
 * eviction.c - one of the library's own policies (unpaged/policy.h) as the eviction algorithm,
 * chosen by CONFIG_UNPAGED_POLICY.
 *
 * A policy wants evidence of use, which a pool gets from its victim queue: a page is unmapped for a
 * while and touched, or not. Here the queue is one page long. The next victim is chosen ahead of
 * need, and made inaccessible as the head of Zephyr's LRU is; if it is touched, the policy is told
 * so and another one is chosen. So the policies decide as they do in a pool, nothing is evicted
 * ahead of need, and the extra traps are those of Zephyr's algorithms.
 *
 * With few frames the page is not made inaccessible: an instruction may need four pages at once
 * and would wait for itself if every one of them were taken in turn.
 *
 * Invariant: next != PG_NO_FRAME means that select and queued (or remove, for policies without)
 * were called for it and nothing since.
 *
 * Locking: all calls come with interrupts locked.
 */
#include "machine.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unpaged/policy.h>

/* Pages that one instruction can touch: two operands, each across a border. */
#define PAGES_AT_ONCE 4

static const struct pg_policy_ops *ops;
static void *policy;
static uint32_t next = PG_NO_FRAME; /* the victim to be */
static size_t nframes;              /* that the policy may choose from, `next` included */

static uint32_t number_of(struct k_mem_page_frame *pf)
{
        return (uint32_t)(pf - k_mem_page_frames);
}

static uint64_t key_of(struct k_mem_page_frame *pf)
{
        return (uint64_t)((uint8_t *)k_mem_page_frame_to_virt(pf) - K_MEM_VIRT_RAM_START) /
               PAGE_SIZE;
}

static void choose_next(void)
{
        next = ops->select(policy);
        if (next == PG_NO_FRAME)
                return;
        if (ops->queued)
                ops->queued(policy, next);
        else
                ops->remove(policy, next);
        if (nframes > PAGES_AT_ONCE)
                arch_page_info_get(k_mem_page_frame_to_virt(&k_mem_page_frames[next]), NULL, true);
}

void k_mem_paging_eviction_add(struct k_mem_page_frame *pf)
{
        ops->add(policy, number_of(pf), key_of(pf), PG_ADD_DEMAND);
        nframes++;
}

void k_mem_paging_eviction_remove(struct k_mem_page_frame *pf)
{
        bool was_next = number_of(pf) == next;

        nframes--;
        if (!was_next || ops->queued)
                ops->remove(policy, number_of(pf));
        if (was_next)
                choose_next();
}

void k_mem_paging_eviction_accessed(uintptr_t phys)
{
        struct k_mem_page_frame *pf = k_mem_phys_to_page_frame(phys);

        if (!k_mem_page_frame_is_evictable(pf))
                return;
        if (number_of(pf) != next) {
                ops->accessed(policy, number_of(pf));
                return;
        }
        if (!ops->queued)
                ops->add(policy, next, key_of(pf), PG_ADD_RETURNED);
        ops->accessed(policy, next);
        choose_next();
}

struct k_mem_page_frame *k_mem_paging_eviction_select(bool *dirty)
{
        struct k_mem_page_frame *pf;

        if (next == PG_NO_FRAME)
                choose_next();
        if (next == PG_NO_FRAME)
                return NULL;
        pf = &k_mem_page_frames[next];
        *dirty = arch_page_info_get(k_mem_page_frame_to_virt(pf), NULL, false) &
                 ARCH_DATA_PAGE_DIRTY;
        return pf;
}

void k_mem_paging_eviction_init(void)
{
        size_t bytes;

        ops = pg_policy_find(CONFIG_UNPAGED_POLICY);
        if (!ops)
                unpaged_start_refuse(
                        "there is no policy called " CONFIG_UNPAGED_POLICY
                        ": CONFIG_UNPAGED_POLICY must be fifo, random, nru, lru or sieve");
        bytes = ROUND_UP(ops->footprint(K_MEM_NUM_PAGE_FRAMES), PAGE_SIZE);
        policy = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (policy == MAP_FAILED)
                unpaged_start_refuse("no memory for the policy: %s", strerror(errno));
        ops->init(policy, K_MEM_NUM_PAGE_FRAMES);
}
