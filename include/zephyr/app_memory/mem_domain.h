/* SPDX-License-Identifier: MIT */
/*
 * mem_domain.h - memory domains: which partitions of memory the threads of user mode may use. There
 * is one mode on the host, in which all memory may be used as it is mapped: domains are kept and
 * checked as Zephyr does, and permit nothing and forbid nothing.
 */
#ifndef ZEPHYR_APP_MEMORY_MEM_DOMAIN_H
#define ZEPHYR_APP_MEMORY_MEM_DOMAIN_H

#include <stddef.h>
#include <stdint.h>
#include <zephyr/kernel/thread.h>

#ifndef CONFIG_MAX_DOMAIN_PARTITIONS
#define CONFIG_MAX_DOMAIN_PARTITIONS 16
#endif

/* What privileged (P) and user (U) code may do. */
typedef uint32_t k_mem_partition_attr_t;
enum {
        K_MEM_PARTITION_P_NA_U_NA,
        K_MEM_PARTITION_P_RO_U_NA,
        K_MEM_PARTITION_P_RO_U_RO,
        K_MEM_PARTITION_P_RW_U_NA,
        K_MEM_PARTITION_P_RW_U_RO,
        K_MEM_PARTITION_P_RW_U_RW,
        K_MEM_PARTITION_P_RX_U_RX,
        K_MEM_PARTITION_P_RWX_U_RWX,
};

struct k_mem_partition {
        uintptr_t start;
        size_t size; /* 0: the place in a domain is free */
        k_mem_partition_attr_t attr;
};

struct k_mem_domain {
        struct k_mem_partition partitions[CONFIG_MAX_DOMAIN_PARTITIONS];
        uint8_t num_partitions;
};

/* The domain of threads that were put into no other. */
extern struct k_mem_domain k_mem_domain_default;

/*
 * From any thread, but not two at a time on one domain. 0; -EINVAL: a domain or partition that is
 * NULL, of size 0, around the end of memory or over another one; -ENOSPC: no place for one more.
 */
int k_mem_domain_init(struct k_mem_domain *domain, uint8_t count, struct k_mem_partition *parts[]);
int k_mem_domain_add_partition(struct k_mem_domain *domain, struct k_mem_partition *partition);

/* 0; -EINVAL: NULL; -ENOENT: the domain has no partition of this start and size. */
int k_mem_domain_remove_partition(struct k_mem_domain *domain, struct k_mem_partition *partition);

int k_mem_domain_add_thread(struct k_mem_domain *domain, k_tid_t thread);

#endif
