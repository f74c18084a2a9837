/* SPDX-License-Identifier: MIT */
/* targets.h - the goals of the project, beside what was reached. */
#ifndef RIVALS_TARGETS_H
#define RIVALS_TARGETS_H

#include "run.h"

/* Keeps the ratio of a row of ours with a rival; 0: there was none. */
void targets_note(const struct run *run, double ratio);

void targets_print(void);

#endif
