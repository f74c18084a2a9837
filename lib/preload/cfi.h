/* SPDX-License-Identifier: MIT */
/*
 * cfi.h - what the tables for exceptions (.eh_frame) of a file say of a place in its code: where the
 * caller's frame is, and where its registers were saved. See unwind.c.
 *
 * Only three registers are followed. Everything here is in the file's own numbering of addresses.
 */
#ifndef CFI_H
#define CFI_H

#include "module.h"

#include <stdbool.h>
#include <stdint.h>

/* As DWARF numbers them. */
#if defined(__x86_64__)
enum { REG_OF_FP = 6, REG_OF_SP = 7 };
#elif defined(__aarch64__)
enum { REG_OF_FP = 29, REG_OF_SP = 31 };
#else
#error "which registers have these numbers in DWARF on this machine?"
#endif

/* Beyond the end everything reads as 0, and the cursor stays at the end. */
struct cursor {
        const unsigned char *at, *end;
        uint64_t vaddr_of_end; /* in the file's own numbering */
};

/* What is said of a function (FDE), with what it has in common with others (CIE). */
struct entry {
        uint64_t begin, range;     /* the function, in the file's own numbering */
        struct cursor common, own; /* instructions */
        uint64_t code_unit;
        int64_t data_unit;
        uint64_t ra;    /* the number of the register that has the return address */
        bool is_signal; /* the caller is not called, but interrupted */
};

/* Where a register of the caller is. */
struct rule {
        enum { SAME, UNKNOWN, AT_OFFSET, IS_OFFSET, AT_EXPRESSION, IS_EXPRESSION } kind;
        int64_t offset; /* from the CFA */
        struct cursor expression;
};

struct row {
        uint64_t cfa_reg;
        int64_t cfa_offset;
        bool cfa_is_expression;
        struct cursor cfa_expression;
        struct rule fp, sp, ra;
};

/* Of the function that has this address. False: the file has no table, or none of a known form. */
bool cfi_entry(const struct module *m, uint64_t vaddr, struct entry *e);
/* For the instruction at this address. False: the entry has instructions that are not known. */
bool cfi_row(const struct entry *e, uint64_t vaddr, struct row *row);

/* For expressions: the next bytes as a number, and numbers of any length. */
uint64_t cfi_take(struct cursor *c, unsigned bytes);
uint64_t cfi_uleb(struct cursor *c);
int64_t cfi_sleb(struct cursor *c);

#endif
