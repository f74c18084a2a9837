/* SPDX-License-Identifier: MIT */
/*
 * live_top.h - `unpaged top`: what was asked for, and what there is. live_top.c reads the arguments
 * and the figures, and prints them (-b); live_screen.c shows them on a terminal.
 */
#ifndef LIVE_TOP_H
#define LIVE_TOP_H

#include "live_table.h"
#include "live_view.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define TOP_PIDS 64u

struct top {
        struct table_order order;
        uint64_t every_ns;
        uint64_t updates; /* so many, then it ends; 0: no end */
        bool ended;       /* processes that have ended, too */
        pid_t only[TOP_PIDS];
        size_t only_count; /* 0: all */

        struct live_views two[2]; /* of them `newer` is the last one */
        unsigned newer;
        struct table table;
};

/* Reads all figures and sorts them. 0, or the status to end with: it has said why. */
int top_read(struct top *t);

/* Shows them on the terminal until a key or a signal ends it. The status. Where there is no such
 * terminal, or no ncurses was there when it was built, it says so, and what to do. */
int screen_run(struct top *t);

#endif
