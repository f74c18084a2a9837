/* SPDX-License-Identifier: MIT */
/*
 * report_sentence.c - what a report means: what part of the time paging took, and how much memory
 * would have saved it.
 *
 * What paging took was measured by each process (run_costs.c); of one that was killed it is what
 * its threads waited for pages. Of several processes the time is that of the run, and those that
 * wait at the same time count each, so it may come to more than all of it. What would have sufficed
 * is the curve's answer (curve_sufficient), which is there with --curve: with it, a process takes 5
 * % longer than with all the memory it could want. Of several processes the greatest counts.
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
        double paging = report_paging(total);

        if (report_evictions(total) == 0) {
                ink_text(k, "The budget was enough: no page was evicted.\n");
                return;
        }
        if (paging > 100) {
                ink_text(k, "Paging took ");
                ink_number(k, paging / 100, 1);
                ink_text(k, " times as long as the run, all processes together");
        } else {
                ink_text(k, "Paging took ");
                percent(k, paging);
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
