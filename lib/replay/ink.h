/* SPDX-License-Identifier: MIT */
/*
 * ink.h - text that is put together in a buffer of the caller's. No allocation, no stdio, no
 * locale: the preloaded library draws with it, too. Any thread, any signal handler.
 *
 * What does not fit is left out, and `full` says so. An ink of size 0 takes nothing, so that a
 * layout can be measured before it is drawn.
 */
#ifndef INK_H
#define INK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ink {
        char *at;
        size_t size, len;
        bool full; /* something was left out */
};

void ink_text(struct ink *k, const char *text);
/* n bytes of it. */
void ink_piece(struct ink *k, const char *text, size_t n);
/* With so many places behind the point. */
void ink_number(struct ink *k, double value, unsigned places);
/* "1,234,567" */
void ink_grouped(struct ink *k, uint64_t n);
/* With as few places as say the same as `places` of them do: 16, 15.8. */
void ink_round(struct ink *k, double value, unsigned places);
/* As short as it can be told: 0.25, 64, 1500, 20 k, 3 M, 2 G. */
void ink_short(struct ink *k, double value);
/* As "64 MiB", "15.8 MiB", "256 KiB": exact where a size is given in whole units. */
void ink_bytes(struct ink *k, double bytes);

/* The unit for sizes up to that many bytes, as a number of bytes and as a word. */
struct ink_unit {
        double bytes;
        const char *name;
};
struct ink_unit ink_unit(double bytes);

#endif
