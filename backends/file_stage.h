/* SPDX-License-Identifier: MIT */
/* file_stage.h - reading on in direct files. See file_stage.c. */
#ifndef UNPAGED_FILE_STAGE_H
#define UNPAGED_FILE_STAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct file;
struct file_stage;

/* NULL: no memory; then nothing is read on. */
struct file_stage *file_stage_open(void);
void file_stage_close(struct file_stage *stage); /* NULL is allowed */

/* In a child of fork, which has lost its direct descriptor: gives its copy of the memory back. NULL
 * is allowed. */
void file_stage_abandon(struct file_stage *stage);

/* True: the bytes are in buf. False: the caller reads them himself. */
bool file_stage_page_in(struct file *file, uint64_t offset, size_t bytes, char *buf);

/* What the stage holds of the bytes is outdated. After they were written, not before. */
void file_stage_outdate(struct file_stage *stage, uint64_t offset, uint64_t bytes);

/* Bytes of memory it uses. */
size_t file_stage_memory(const struct file_stage *stage);

#endif
