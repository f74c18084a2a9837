/* SPDX-License-Identifier: MIT */
/*
 * targets.c - goals: how many times as long the kernel should take.
 *
 * One thread, four budgets of data, hard and heap pages: a goal for each workload and delivery. Two
 * threads: nowhere slower than the kernel.
 */
#include "targets.h"

#include <stdio.h>
#include <string.h>

#define MAX_NOTES       4096u
#define GOAL_OVERCOMMIT 4

static const struct {
        const char *workload;
        double signal, thread;
} goals[] = {
        {"random-read", 2.0, 1.4}, {"random-rmw", 1.5, 1.15}, {"seq-read", 3.0, 2.5},
        {"seq-write", 3.0, 2.5},   {"zipf-read", 2.0, 1.4},   {"loop", 3.0, 2.0},
};

static struct note {
        const struct subject *subject;
        const struct workload *workload;
        enum data_kind data;
        double overcommit, ratio;
        unsigned threads;
} notes[MAX_NOTES];

static unsigned noted;

void targets_note(const struct run *run, double ratio)
{
        if (noted == MAX_NOTES)
                return;
        notes[noted++] = (struct note){.subject = run->subject,
                                       .workload = run->workload,
                                       .data = run->data,
                                       .overcommit = run->overcommit,
                                       .threads = run->threads,
                                       .ratio = ratio};
}

static bool is_goal(const struct note *n, const char *workload, const char *subject,
                    enum data_kind data)
{
        /* A workload that has its own size has no other. */
        return n->threads == 1 && n->data == data && strcmp(n->workload->name, workload) == 0 &&
               strcmp(n->subject->name, subject) == 0 &&
               (n->workload->overcommit > 0 || n->overcommit == GOAL_OVERCOMMIT);
}

static void print_goal(const char *workload, const char *subject, enum data_kind data, double goal)
{
        const struct note *note = NULL;

        for (unsigned i = 0; i < noted; i++)
                if (is_goal(&notes[i], workload, subject, data))
                        note = &notes[i];
        printf("%-12s %-5s %-7s %6.2f ", workload, data_names[data], subject, goal);
        if (!note || note->ratio <= 0)
                printf("%6s  not measured\n", "-");
        else
                printf("%6.2f  %s\n", note->ratio, note->ratio >= goal ? "reached" : "MISSED");
}

static void print_two_threads(void)
{
        unsigned rows = 0, reached = 0;

        for (unsigned i = 0; i < noted; i++) {
                if (notes[i].threads != 2 || notes[i].ratio <= 0)
                        continue;
                rows++;
                reached += notes[i].ratio >= 1;
        }
        printf("two threads, every row at least 1.00: %u of %u rows reached\n", reached, rows);
        for (unsigned i = 0; i < noted; i++)
                if (notes[i].threads == 2 && notes[i].ratio > 0 && notes[i].ratio < 1)
                        printf("  MISSED: %s %s %g %s %.2f\n", notes[i].workload->name,
                               data_names[notes[i].data], notes[i].overcommit,
                               notes[i].subject->name, notes[i].ratio);
}

void targets_print(void)
{
        const enum data_kind kinds[] = {DATA_HARD, DATA_HEAP};

        printf("\n%-12s %-5s %-7s %6s %6s  (kernel / unpaged; one thread, overcommit %d)\n", "goal",
               "data", "subject", "goal", "ratio", GOAL_OVERCOMMIT);
        for (size_t i = 0; i < sizeof(goals) / sizeof(*goals); i++) {
                for (size_t k = 0; k < sizeof(kinds) / sizeof(*kinds); k++) {
                        print_goal(goals[i].workload, "signal", kinds[k], goals[i].signal);
                        print_goal(goals[i].workload, "thread", kinds[k], goals[i].thread);
                }
        }
        print_two_threads();
}
