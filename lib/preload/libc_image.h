/* SPDX-License-Identifier: MIT */
/*
 * libc_image.h - the C library as it lies in memory, beside what other libraries put before it.
 *
 * All of it is for the constructor: one thread, before anything is bound to what changes. Nothing
 * is allocated, and no function is called that another object may have defined.
 */
#ifndef LIBC_IMAGE_H
#define LIBC_IMAGE_H

#include <stdbool.h>
#include <stddef.h>

/* Binds our calls of the C library to the C library, where the program or another preloaded library
 * has functions of the same names. To be called before all else. */
void libc_bind_us(void);

/* The C library's own function of that name, in its default version. NULL: it has none. */
void *libc_function(const char *name);

/* What is to be found instead of the C library's function of that name; `ours` is what this library
 * exports. NULL: the C library's, as before. Answers the same when it is asked again. */
typedef const void *libc_instead_fn(const char *name, const void *ours);

/* From now on a look-up in the C library itself, of a name that we export, finds what `instead_of`
 * says. false, and nothing has changed: its table of symbols is not to be written. */
bool libc_redirect(libc_instead_fn *instead_of);

#endif
