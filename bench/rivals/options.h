/* SPDX-License-Identifier: MIT */
/* options.h - what was asked for on the command line. */
#ifndef RIVALS_OPTIONS_H
#define RIVALS_OPTIONS_H

#include "run.h"

#include <stdio.h>

#define MAX_LIST 8u

struct options {
        size_t budget;
        size_t room; /* of the kernel's cgroup beside budget and page tables */
        double overcommit[MAX_LIST];
        unsigned overcommits;
        unsigned threads[MAX_LIST];
        unsigned thread_counts;
        uint32_t data, workloads, subjects; /* bit i: number i of the table */
        unsigned pairs, timeout;
        uint64_t accesses; /* 0: the workload's passes */
        uint64_t scale_max_pages;
        bool targets, scale, data_given;
        bool pinned;
        cpu_set_t cpus;
        FILE *json;
};

/* Ends the program: with 0 after --help and --list, with 2 where something makes no sense. */
void options_read(struct options *options, int argc, char **argv);

#endif
