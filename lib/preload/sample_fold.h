/* SPDX-License-Identifier: MIT */
/* sample_fold.h - sampled stacks as text: "program;main;function 123". See sample_fold.c. */
#ifndef SAMPLE_FOLD_H
#define SAMPLE_FOLD_H

#include <stdint.h>
#include <unpaged/internals.h>

struct fold;

/* Knows the files that the process has mapped now. NULL: no memory. By one thread at a time, as the
 * rest. */
struct fold *fold_begin(void);
/* An `each` of pg_fault_samples(). */
void fold_add(void *fold, const struct pg_fault_sample *sample);
/* Writes a line for each stack, with its share of `loads`. 0, or -errno. */
int fold_write(struct fold *f, int fd, const char *program, uint64_t loads);
void fold_end(struct fold *f);

#endif
