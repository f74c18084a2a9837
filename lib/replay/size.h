/* SPDX-License-Identifier: MIT */
/*
 * size.h - how all commands and the UNPAGED_* variables read numbers and sizes.
 *
 *   size    = number [ unit ] | number "%"
 *   number  = digits [ "." digits ]       at most six decimals, and only before a unit or "%"
 *   unit    = ( "K" | "M" | "G" | "T" ) [ "iB" ]      powers of 1024, letters in either case
 *
 * "4096", "64M", "64MiB", "1.5g", "12.5%". No sign, no blank, no exponent; parts of a byte are
 * dropped. A size fits into 64 bits, and a percentage is at most 100. Counts (of pages, of
 * accesses) are sizes, too.
 *
 * Reading allocates nothing and uses neither stdio nor the locale: the preloaded library reads
 * before main() has begun.
 */
#ifndef SIZE_H
#define SIZE_H

#include <stdbool.h>
#include <stdint.h>

#define SIZE_MILLION 1000000u

struct size {
        bool is_share;
        uint64_t bytes; /* what "64M" is */
        uint32_t share; /* what "12.5%" is, in millionths of a percent */
};

/* What to write, for the reader of a message that has said what was wrong. */
#define SIZE_FORM "write a number, then K, M, G or T (powers of 1024) if need be"

/* NULL; or what is wrong, to follow the text and a colon. *size is then as it was. */
const char *size_read(const char *text, struct size *size);

/* The same where there is nothing that a percentage could be of. */
const char *size_read_bytes(const char *text, uint64_t *bytes);

/* A number alone, "0.99", in millionths. */
const char *size_read_millionths(const char *text, uint64_t *millionths);

/* The other way: the size as a number and a unit, "4M", that reads as at least `bytes`, and at most
 * a tenth or 1K more. Returns text. */
#define SIZE_TEXT 24
char *size_write(uint64_t bytes, char text[SIZE_TEXT]);

/* That share of `all`, rounded down. */
uint64_t size_share(const struct size *size, uint64_t all);

#endif
