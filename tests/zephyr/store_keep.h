/* SPDX-License-Identifier: MIT */
/*
 * What tests need to know of store_keep.c: its file, and where the pages of it lie.
 */
#ifndef STORE_KEEP_H
#define STORE_KEEP_H

#include <stddef.h>
#include <stdint.h>

/* Pages of the file. Their locations follow each other, for k_mem_map_unpaged(). */
#define STORE_KEEP_FILE_PAGES 64U

/* The location of page `page` of the file. */
uintptr_t store_keep_file_location(size_t page);

/* The store's own memory for a page of the file, to fill it or to see what has become of it. */
void *store_keep_file_page(size_t page);

#endif
