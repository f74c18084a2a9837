/* SPDX-License-Identifier: MIT */
/*
 * unwind.h - from a copy of a stack to the functions that were running. See unwind.c.
 *
 * No malloc, no stdio, and nothing is read but the copy and the files of module.h.
 */
#ifndef UNWIND_H
#define UNWIND_H

#include "module.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct unwind {
        const unsigned char *stack; /* a copy of it, from the address `from` upwards */
        uint64_t from;
        size_t size;

        uint64_t pc, sp, fp, lr; /* of the frame that is looked at */
        bool has_fp, has_lr;
        bool is_trial; /* of a frame that was guessed: no more guesses */
        bool is_exact; /* pc is where it is, not where it will go on after a call */
};

enum unwind_end {
        UNWIND_ON,   /* u is the caller's now */
        UNWIND_END,  /* nobody has called this function: the thread begins with it */
        UNWIND_LOST, /* who has called it cannot be known */
};

/* To the caller. *function: where the function begins that u was in, or its pc where that is not
 * known. */
enum unwind_end unwind_step(struct modules *modules, struct unwind *u, uint64_t *function);

#endif
