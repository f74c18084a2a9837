/* SPDX-License-Identifier: MIT */
/* demo.h - what the parts of the demonstration share. See demo.c. */
#ifndef DEMO_H
#define DEMO_H

#include <unpaged/statistics.h>
#include <unpaged/unpaged.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MIB          ((size_t)1 << 20)
#define BUFFER_BYTES MIB /* of plain reads: memory of the program's own */

#define CHECKS_MAX 16u

struct check {
        const char *what;
        bool ok;
        char said[96]; /* by whom or what it was compared with */
};

struct demo {
        struct pg_pool *pool;
        size_t budget;
        char path[32]; /* of the input, for plain tools */
        int fd;
        size_t size;
        const uint64_t *file; /* the input, mapped */
        uint64_t *keys;       /* anonymous memory of the pool */
        size_t nkeys;
        uint64_t worked_ns; /* time of all steps */

        struct {
                const char *what;
                uint64_t total, began_ns, shown_ns; /* total in bytes */
                bool live;                          /* on a terminal: one line, rewritten */
        } step;
        struct pg_stats fullest; /* when the compressed store held most */
        struct check checks[CHECKS_MAX];
        unsigned nchecks;
};

/* ---- demo_report.c ------------------------------------------------------------------------- */

uint64_t now_ns(void);
__attribute__((noreturn, format(printf, 1, 2))) void fail(const char *format, ...);

/* A step of the work: progress is shown between the two. done is bytes of its total. */
void step_begin(struct demo *demo, const char *what, uint64_t total);
void step_at(struct demo *demo, uint64_t done);
void step_end(struct demo *demo);
/* The same for a plain tool, which tells nothing while it runs. */
void tools_begin(struct demo *demo, const char *what);
void tools_end(struct demo *demo);

__attribute__((format(printf, 4, 5))) void check(struct demo *demo, const char *what, bool ok,
                                                 const char *format, ...);
/* What happened, in words. True: every check was good. */
bool report(struct demo *demo);

/* ---- demo_input.c -------------------------------------------------------------------------- */

/* An unnamed file of `size` bytes of the files below /usr/lib. */
int input_make(struct demo *demo, size_t size);
/* Another, with the first `size` bytes of the input. */
int input_copy(const struct demo *demo, size_t size);
/* All of it, or the program ends. */
void read_all(int fd, void *to, size_t size, size_t offset);

/* ---- demo_work.c --------------------------------------------------------------------------- */

/* One step each: work through the mappings, then the same by plain tools. */
void work_checksum(struct demo *demo);
void work_keys(struct demo *demo);
void work_sort(struct demo *demo);
void work_shared(struct demo *demo);

#endif
