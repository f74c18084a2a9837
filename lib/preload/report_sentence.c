/* SPDX-License-Identifier: MIT */
/*
 * report_sentence.c - what a report means: what part of the time paging took, and how much memory
 * would have saved it.
 *
 * Time is that of the run from its beginning to its end. Threads and processes that wait at the
 * same time count each, so it may come to more than all of it. What would have sufficed is the
 * curve's answer (curve_sufficient), which is there with --curve: with it, a process takes at most
 * 5 % longer than with unlimited memory. Of several processes the greatest counts.
 */
#include "report.h"

static void percent(struct ink *k, double value)
{
        ink_number(k, value, value > 0 && value < 9.95 ? 1 : 0);
        ink_text(k, " %");
}

void report_sentence(const struct report *r, struct ink *k)
{
        const struct run_record *total = &r->total;
        double waiting = report_waiting(total);

        if (report_evictions(total) == 0) {
                ink_text(k, "The budget was enough: no page was evicted.\n");
                return;
        }
        if (waiting > 100) {
                ink_text(k, "Waiting for pages took ");
                ink_number(k, waiting / 100, 1);
                ink_text(k, " times as long as the run, all threads together");
        } else {
                ink_text(k, "Paging took ");
                percent(k, waiting);
                ink_text(k, " of the time");
        }
        if (total->sufficient > total->budget) {
                ink_text(k, "; with ");
                ink_bytes(k, (double)total->sufficient);
                ink_text(k, r->processes > 1 ? " for each process" : "");
                ink_text(k, " it would have taken at most 5 %");
        }
        ink_text(k, ".\n");
}
