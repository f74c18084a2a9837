/* SPDX-License-Identifier: MIT */
/* environment.h - this library in the environment of what is executed. See environment.c. */
#ifndef ENVIRONMENT_H
#define ENVIRONMENT_H

#include <stdbool.h>
#include <stddef.h>

/* The value of a variable; NULL: not set. */
const char *environment_find(char *const *environment, const char *name);

/* This library is in LD_PRELOAD. */
bool environment_has_us(char *const *environment);

/* Room for what environment_without writes: pointers, and bytes of text. */
size_t environment_count(char *const *environment);
size_t environment_text(char *const *environment);

/* Copies the environment without this library in LD_PRELOAD; and, with `settings`, without UNPAGED_
 * variables. False: it was not there, so there is no difference. to == environment is allowed. */
bool environment_without(char **to, char *text, char *const *environment, bool settings);

#endif
