/* SPDX-License-Identifier: MIT */
/* size.c - how all commands and the UNPAGED_* variables read numbers and sizes. See size.h. */
#include "size.h"

#include <stddef.h>
#include <string.h>

#define ALL (100 * (uint64_t)SIZE_MILLION)

static const char not_a_size[] = "not a size: " SIZE_FORM;
static const char too_large[] = "too large: not a size of at most 64 bits";

/* A number as millionths: whole * 10^6 + part. */
struct decimal {
        uint64_t whole;
        uint32_t part;
        bool point; /* it had one */
};

static bool is_digit(char c)
{
        return c >= '0' && c <= '9';
}

/* *text moves behind the number. */
static const char *read_decimal(const char **text, struct decimal *d)
{
        const char *at = *text;
        uint32_t place = SIZE_MILLION;

        *d = (struct decimal){0};
        if (!at || !is_digit(*at))
                return not_a_size;
        for (; is_digit(*at); at++)
                if (__builtin_mul_overflow(d->whole, 10, &d->whole) ||
                    __builtin_add_overflow(d->whole, (uint64_t)(*at - '0'), &d->whole))
                        return too_large;
        if (*at == '.') {
                d->point = true;
                if (!is_digit(*++at))
                        return not_a_size;
                for (; is_digit(*at); at++) {
                        place /= 10;
                        if (place == 0)
                                return "not a size: it has more than six decimals";
                        d->part += place * (uint32_t)(*at - '0');
                }
        }
        *text = at;
        return NULL;
}

/* The shift of "", "K", "KiB", "m" ...; -1: none of them. */
static int read_unit(const char *text)
{
        static const char letters[] = "kmgt";
        const char *letter;

        if (!*text)
                return 0;
        letter = strchr(letters, *text | 0x20);
        if (!letter || !*letter)
                return -1;
        if (text[1] && !((text[1] | 0x20) == 'i' && (text[2] | 0x20) == 'b' && !text[3]))
                return -1;
        return 10 * (int)(letter - letters + 1);
}

static const char *read_share(const struct decimal *d, struct size *size)
{
        if (d->whole > 100 || (d->whole == 100 && d->part > 0))
                return "not a size: a percentage is at most 100%";
        *size = (struct size){.is_share = true,
                              .share = (uint32_t)d->whole * SIZE_MILLION + d->part};
        return NULL;
}

const char *size_read(const char *text, struct size *size)
{
        struct decimal d;
        const char *wrong = read_decimal(&text, &d);
        uint64_t bytes;
        int shift;

        if (wrong)
                return wrong;
        if (text[0] == '%' && !text[1])
                return read_share(&d, size);
        shift = read_unit(text);
        if (shift < 0)
                return not_a_size;
        if (shift == 0 && d.point)
                return "not a size: only before a unit may it have decimals";
        if (__builtin_mul_overflow(d.whole, (uint64_t)1 << shift, &bytes) ||
            __builtin_add_overflow(bytes, ((uint64_t)d.part << shift) / SIZE_MILLION, &bytes))
                return too_large;
        *size = (struct size){.bytes = bytes};
        return NULL;
}

const char *size_read_bytes(const char *text, uint64_t *bytes)
{
        struct size size;
        const char *wrong = size_read(text, &size);

        if (!wrong && size.is_share)
                return "not a size: a percentage has no meaning here";
        if (!wrong)
                *bytes = size.bytes;
        return wrong;
}

const char *size_read_millionths(const char *text, uint64_t *millionths)
{
        struct decimal d;
        uint64_t number;

        if (read_decimal(&text, &d) || *text)
                return "must be a number with at most six decimals";
        if (__builtin_mul_overflow(d.whole, SIZE_MILLION, &number) ||
            __builtin_add_overflow(number, d.part, &number))
                return "too large";
        *millionths = number;
        return NULL;
}

char *size_write(uint64_t bytes, char text[SIZE_TEXT])
{
        static const char letters[] = "KMGT";
        char digits[SIZE_TEXT], *at = digits + sizeof(digits);
        const char *letter = letters;
        uint64_t n = (bytes >> 10) + (bytes % 1024 != 0);

        for (; *letter != 'T' && n > 0 && (n % 1024 == 0 || n >= 10 * 1024); letter++)
                n = (n >> 10) + (n % 1024 != 0);
        *--at = '\0';
        *--at = *letter;
        do
                *--at = (char)('0' + n % 10);
        while (n /= 10);
        return strcpy(text, at);
}

uint64_t size_share(const struct size *size, uint64_t all)
{
        return all / ALL * size->share + all % ALL * size->share / ALL;
}
