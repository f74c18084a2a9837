/* SPDX-License-Identifier: MIT */
/*
 * module.h - the files whose code a process runs: where each lies in memory, what stands at an
 * address of it, how its functions are called. See module.c.
 *
 * No malloc, no stdio, and nothing is asked of the loader, whose lock another thread may hold.
 */
#ifndef MODULE_H
#define MODULE_H

#include <stddef.h>
#include <stdint.h>

#define MODULES_MOST 512u

struct module {
        uint64_t start, end, offset, inode; /* a mapping of code, as /proc/self/maps has it */
        const char *path;
        int is_open; /* 1: the file is there; -1: it is not, or is another one by now */
        const unsigned char *file;
        size_t size;
        uint64_t bias; /* address in the process = bias + address in the file's own numbering */
};

struct modules {
        unsigned count;
        struct module each[MODULES_MOST];
        size_t used;
        char paths[64 << 10];
};

/* The code that is mapped now. `m` is zeroed, and not paged. */
void modules_read(struct modules *m);

/* The module that has an address of the process; NULL: none, or its file cannot be read. */
struct module *module_at(struct modules *m, uint64_t address);
/* For what cannot be read, too. */
struct module *module_of(struct modules *m, uint64_t address);
const char *module_name(const struct module *m);

/* What the file has at an address of its own numbering, and how much there is; NULL: nothing. */
const unsigned char *module_bytes(const struct module *m, uint64_t vaddr, size_t *left);

/* The address of .eh_frame_hdr in the file's own numbering; 0: none. */
uint64_t module_unwind_header(const struct module *m);

/* Calls each(arg, from, to, name) for every function of the file, by addresses of the process. */
void module_functions(const struct module *m,
                      void (*each)(void *arg, uint64_t from, uint64_t to, const char *name),
                      void *arg);

#endif
