/* SPDX-License-Identifier: MIT */
/* budget_words.h - why a budget cannot be changed, for pg_resize() and for `unpaged resize`. */
#ifndef BUDGET_WORDS_H
#define BUDGET_WORDS_H

/* A sentence with the cause and the remedy. NULL: pages could not be written to their stores, for
 * the reason that strerror(-error) has. Async-signal-safe. */
const char *budget_words(int error);

#endif
