/* SPDX-License-Identifier: MIT */
/*
 * libc_image.h - the C library as it lies in memory, beside what other libraries put before it.
 *
 * All of it is for the constructor: one thread, before anything is bound to what changes. Nothing
 * is allocated, and no function is called that somebody else may have defined.
 */
#ifndef LIBC_IMAGE_H
#define LIBC_IMAGE_H

/* Binds our calls of the C library to the C library, where the program or another preloaded library
 * has functions of the same names. To be called before all else. */
void libc_bind_us(void);

#endif
