/* SPDX-License-Identifier: MIT */
/*
 * domain.c - memory domains, as lists of partitions that are checked and have no effect: the host
 * has one mode. A partition over pages that are out is no special case then, since it maps nothing.
 *
 * Invariants: no two partitions of a domain overlap; num_partitions counts those with a size.
 * Locking: the caller's.
 */
#include <zephyr/app_memory/mem_domain.h>
#include <zephyr/kernel.h>

struct k_mem_domain k_mem_domain_default;

static bool is_sound(const struct k_mem_partition *p)
{
        return p && p->size > 0 && p->start + p->size > p->start;
}

static bool overlap(const struct k_mem_partition *a, const struct k_mem_partition *b)
{
        return a->start < b->start + b->size && b->start < a->start + a->size;
}

int k_mem_domain_add_partition(struct k_mem_domain *domain, struct k_mem_partition *partition)
{
        struct k_mem_partition *place = NULL;

        if (!domain || !is_sound(partition))
                return -EINVAL;
        for (size_t i = 0; i < ARRAY_SIZE(domain->partitions); i++) {
                struct k_mem_partition *p = &domain->partitions[i];

                if (p->size > 0 && overlap(p, partition))
                        return -EINVAL;
                if (p->size == 0 && !place)
                        place = p;
        }
        if (!place)
                return -ENOSPC;
        *place = *partition;
        domain->num_partitions++;
        return 0;
}

int k_mem_domain_init(struct k_mem_domain *domain, uint8_t count, struct k_mem_partition *parts[])
{
        if (!domain || (count > 0 && !parts))
                return -EINVAL;
        *domain = (struct k_mem_domain){.num_partitions = 0};
        for (uint8_t i = 0; i < count; i++) {
                int err = k_mem_domain_add_partition(domain, parts[i]);

                if (err)
                        return err;
        }
        return 0;
}

int k_mem_domain_remove_partition(struct k_mem_domain *domain, struct k_mem_partition *partition)
{
        if (!domain || !partition)
                return -EINVAL;
        for (size_t i = 0; i < ARRAY_SIZE(domain->partitions); i++) {
                struct k_mem_partition *p = &domain->partitions[i];

                if (p->size > 0 && p->start == partition->start && p->size == partition->size) {
                        p->size = 0;
                        domain->num_partitions--;
                        return 0;
                }
        }
        return -ENOENT;
}

int k_mem_domain_add_thread(struct k_mem_domain *domain, k_tid_t thread)
{
        return domain && thread ? 0 : -EINVAL;
}
