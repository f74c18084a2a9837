/* SPDX-License-Identifier: MIT */
/*
 * kernel_page.h - the kernel's page: what is mapped, protected and moved in one piece.
 *
 * The library is written for kernels with pages of 4 KiB: a page word keeps its flags in the twelve
 * low bits of an address, and a pool's pages are multiples of this size. On a kernel with other
 * pages (arm64 has such of 16 and 64 KiB) pg_open refuses, and programs run unpaged.
 */
#ifndef KERNEL_PAGE_H
#define KERNEL_PAGE_H

#include <stdbool.h>
#include <stddef.h>

#define KERNEL_PAGE_SIZE ((size_t)4096)

/* Why there can be no pool on this kernel, for people. */
#define KERNEL_PAGE_REFUSAL "the pages of this kernel are not 4 KiB, which paging needs"

/* Whether the running kernel's pages are of that size. UNPAGED_MASK_FEATURES=page_4k says no, so
 * that the refusal can be tested anywhere. Asked before a pool is opened, so it reads that
 * variable, for all that follows (features_read). */
bool kernel_page_fits(void);

#endif
