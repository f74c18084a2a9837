/* SPDX-License-Identifier: MIT */
/*
 * elf.h - whether a program can be paged, judged from its file before it is executed. See elf.c.
 *
 * No malloc, no stdio, nothing static is written: may be called before main(), in a child of
 * vfork() and in a signal handler. errno is kept. Uses 6 KiB of stack.
 *
 * (Keep this folder out of the path for #include <...>, which has an <elf.h> of its own.)
 */
#ifndef ELF_H
#define ELF_H

#include <stdbool.h>

struct elf_verdict {
        const char
                *refusal; /* why it runs unpaged, as the end of "it runs unpaged: ...": a literal;
                              * NULL: it can be paged, or execve(2) will refuse it anyway */
        bool harmed;      /* and with our library in LD_PRELOAD it would not run as it does alone:
                              * its loader would complain, or its runtime stop it. Where it is only
                              * ignored, what the program executes may still want it. */
};

/* The path as execve(2) takes it: nothing is looked for in PATH. */
struct elf_verdict elf_judge(const char *path);

/* The refusal alone. */
const char *elf_refusal(const char *path);

#endif
