/* SPDX-License-Identifier: MIT */
/* ink.c - see ink.h. */
#include "ink.h"

#include <string.h>

void ink_piece(struct ink *k, const char *text, size_t n)
{
        if (n >= k->size - k->len) {
                k->full = true;
                return;
        }
        memcpy(k->at + k->len, text, n);
        k->len += n;
        k->at[k->len] = '\0';
}

void ink_text(struct ink *k, const char *text)
{
        ink_piece(k, text, strlen(text));
}

static uint64_t power_of_ten(unsigned places)
{
        uint64_t scale = 1;

        while (places-- > 0)
                scale *= 10;
        return scale;
}

/* The number without its point. */
static uint64_t digits_of(double value, unsigned places)
{
        uint64_t scale = power_of_ten(places);

        return value < 1e15 ? (uint64_t)(value * (double)scale + 0.5) : 1000000000000000u * scale;
}

void ink_number(struct ink *k, double value, unsigned places)
{
        char digits[32], *at = digits + sizeof(digits) - 1;
        uint64_t n;

        if (value < 0) {
                ink_text(k, "-");
                value = -value;
        }
        n = digits_of(value, places);
        *at = '\0';
        for (unsigned i = 0; i < places; i++, n /= 10)
                *--at = (char)('0' + n % 10);
        if (places)
                *--at = '.';
        do
                *--at = (char)('0' + n % 10);
        while ((n /= 10) > 0);
        ink_text(k, at);
}

void ink_grouped(struct ink *k, uint64_t n)
{
        char digits[32], *at = digits + sizeof(digits) - 1;

        *at = '\0';
        for (unsigned i = 0; i == 0 || n > 0; i++, n /= 10) {
                if (i > 0 && i % 3 == 0)
                        *--at = ',';
                *--at = (char)('0' + n % 10);
        }
        ink_text(k, at);
}

void ink_round(struct ink *k, double value, unsigned places)
{
        uint64_t n = digits_of(value < 0 ? -value : value, places);

        for (; places > 0 && n % 10 == 0; n /= 10)
                places--;
        ink_number(k, value, places);
}

void ink_short(struct ink *k, double value)
{
        const char *unit = value >= 1e9 ? " G" : value >= 1e6 ? " M" : value >= 1e4 ? " k" : "";

        value /= value >= 1e9 ? 1e9 : value >= 1e6 ? 1e6 : value >= 1e4 ? 1e3 : 1;
        ink_round(k, value, value >= 10 ? 1 : 4);
        ink_text(k, unit);
}

struct ink_unit ink_unit(double bytes)
{
        double kib = bytes / 1024;

        return kib < 1024               ? (struct ink_unit){1024.0, "KiB"}
               : kib < 10.0 * (1 << 20) ? (struct ink_unit){1048576.0, "MiB"}
               : kib < 10.0 * (1 << 30) ? (struct ink_unit){1073741824.0, "GiB"}
                                        : (struct ink_unit){1099511627776.0, "TiB"};
}

void ink_bytes(struct ink *k, double bytes)
{
        struct ink_unit unit = ink_unit(bytes);
        double value = bytes / unit.bytes;

        ink_round(k, value, value >= 10 ? 1 : value >= 1 ? 2 : 3);
        ink_text(k, " ");
        ink_text(k, unit.name);
}
