/* SPDX-License-Identifier: MIT */
/*
 * live_table.h - paged processes as rows of text, for `unpaged top`: what is in a row, which one
 * comes first, and which columns fit. Knows no terminal.
 */
#ifndef LIVE_TABLE_H
#define LIVE_TABLE_H

#include "live_view.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum table_column {
        COLUMN_PID,
        COLUMN_USER,
        COLUMN_MEMORY,
        COLUMN_BUDGET,
        COLUMN_USED,
        COLUMN_COMPRESSED,
        COLUMN_RATIO,
        COLUMN_FAULTS,
        COLUMN_LOADS,
        COLUMN_WAIT,
        COLUMN_DELIVERY,
        COLUMN_PROGRAM,
        COLUMNS_ALL
};

/* A process: its pools added up. If it goes on, those that it has closed do not count. */
struct table_row {
        pid_t pid, parent;
        uint64_t start_ticks;
        uid_t user;
        uint64_t memory, budget, compressed; /* bytes */
        uint64_t unpacked;                   /* bytes: what is compressed takes elsewhere */
        double faults, loads;                /* a second */
        double waiting;                      /* per cent of the time, of all threads together */
        bool by_thread, by_signal;           /* how faults are delivered; perhaps both */
        bool has_ended, has_executed;
        unsigned depth; /* under so many others */
        char program[64];
};

struct table {
        struct table_row *rows;
        struct table_row *spare; /* for sorting: as many */
        size_t count, room;
};

struct table_order {
        enum table_column by;
        bool reversed;
        bool is_flat; /* not as trees */
};

/* A row waits for pages much of the time, from so many per cent on. */
#define TABLE_WAITS_MUCH 20.0

/* Rates are those since `before`, or since the pool was opened. `only`: these processes alone, if
 * there are any. May be called again with what it has filled. 0, or -ENOMEM. */
int table_fill(struct table *t, const struct live_views *now, const struct live_views *before,
               const pid_t *only, size_t count);
void table_free(struct table *t);

/* Largest first, but names, users and process ids from the smallest on; or the reverse. As trees,
 * a process comes below its parent, and those with one parent are sorted. */
void table_sort(struct table *t, const struct table_order *order);

/* "memory"; and which one has that name (letters in either case). False: none. */
const char *table_column_name(enum table_column column);
bool table_column_find(const char *name, enum table_column *column);

/* Which columns fit, as bits. 0: the width is unlimited. PID, MEMORY and PROGRAM always stay;
 * before them the others go, in this order: DELIVERY, USER, RATIO, COMPRESSED, LOADS/s, USED,
 * BUDGET, FAULTS/s, WAIT. */
uint32_t table_columns(unsigned width);

/* A line of text, without a newline, at most `width` bytes of printable ASCII (0: as long as it
 * is). Returns where the column begins, in bytes; *bytes: its width. */
#define TABLE_LINE 256
void table_head(unsigned width, char line[TABLE_LINE]);
unsigned table_head_place(unsigned width, enum table_column column, unsigned *bytes);
void table_line(const struct table_row *row, unsigned width, char line[TABLE_LINE]);

/* All that are running together: two lines, without a newline. `hidden`: files of other users. */
void table_totals(const struct table *t, size_t hidden, char lines[2][TABLE_LINE]);

#endif
