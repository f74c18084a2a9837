/* SPDX-License-Identifier: MIT */
/*
 * generate.c - `generate KIND MEGABYTES [SEED]` writes that much input for a program to standard
 * output, the same at every call.
 *
 *     lines   records of text: key, words, number
 *     bytes   what no compressor makes smaller
 *     mixed   both in turn, a few KiB each, with repetitions far apart
 *     json    one array of objects
 *     xml     the same as elements
 *     c       a C file that compiles
 */
#include "bench_util.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t state;
static uint64_t written;

static unsigned below(unsigned n)
{
        return (unsigned)random_below(&state, n);
}

__attribute__((format(printf, 1, 2))) static void put(const char *format, ...)
{
        __builtin_va_list args;
        int n;

        __builtin_va_start(args, format);
        n = vprintf(format, args);
        __builtin_va_end(args);
        if (n > 0)
                written += (uint64_t)n;
}

/* A word of the language of these files; the small numbers are the frequent words. */
static const char *word(void)
{
        static const char *const syllables[] = {"ba", "ke", "li", "mo", "nu", "ra", "se", "ti",
                                                "vo", "zu", "an", "el", "is", "or", "un", "da"};
        static char texts[4][16]; /* a call of put() may have several */
        static unsigned turn;
        char *text = texts[turn++ % 4];
        unsigned number = below(1u << below(17));
        size_t length = 0;

        do {
                memcpy(text + length, syllables[number % 16], 2);
                length += 2;
                number /= 16;
        } while (number);
        text[length] = '\0';
        return text;
}

static void lines(void)
{
        put("%08" PRIx64, random_next(&state) >> 32);
        for (unsigned i = 3 + below(5); i > 0; i--)
                put(" %s", word());
        put(" %u\n", below(100000));
}

static void bytes(void)
{
        uint64_t block[512];

        for (size_t i = 0; i < sizeof(block) / sizeof(*block); i++)
                block[i] = random_next(&state);
        fwrite(block, 1, sizeof(block), stdout);
        written += sizeof(block);
}

static void mixed(void)
{
        uint64_t here = state;

        switch (below(4)) {
        case 0:
                bytes();
                break;
        case 1: /* what stood somewhere before */
                state = below(64) * UINT64_C(0x1234567);
                for (int i = 0; i < 60; i++)
                        lines();
                state = here + 1;
                break;
        default:
                for (int i = 0; i < 60; i++)
                        lines();
        }
}

static void json(void)
{
        static unsigned n;

        put("%s{\"id\":%u,\"name\":\"%s", n == 0 ? "[" : ",\n", n, word());
        put(" %s\",\"score\":%u.%u,\"tags\":[\"%s\"", word(), below(1000), below(10), word());
        for (unsigned i = below(5); i > 0; i--)
                put(",\"%s\"", word());
        put("],\"inner\":{\"key\":\"%016" PRIx64 "\",\"on\":%s}}", random_next(&state),
            below(2) ? "true" : "null");
        n++;
}

static void xml(void)
{
        static unsigned n;

        if (n == 0)
                put("<?xml version=\"1.0\"?>\n<list>\n");
        put("<item id=\"i%u\" group=\"%s\"><name>%s", n, word(), word());
        put(" &amp; %s</name>", word());
        for (unsigned i = below(5); i > 0; i--)
                put("<tag n=\"%u\">%s</tag>", i, word());
        put("</item>\n");
        n++;
}

static void c(void)
{
        static unsigned n;
        unsigned cases = 4 + below(12);

        if (n == 0)
                put("struct record { struct record *next; unsigned long key, sum; };\n"
                    "extern unsigned long table[65536];\n");
        put("unsigned long function_%u(struct record *r, unsigned long a, unsigned long b)\n{\n"
            "  unsigned long s = a * %uu, t[16] = {b};\n"
            "  for (; r; r = r->next) {\n    switch (r->key %% %uu) {\n",
            n, below(1u << 30), cases);
        for (unsigned i = 0; i < cases; i++)
                put("    case %u: s += table[(r->sum ^ %uu) & 65535] * t[s & 15]; "
                    "t[%u] ^= s << %u; break;\n",
                    i, below(1u << 20), below(16), 1 + below(20));
        put("    }\n    r->sum = s ^ t[r->key & 15];\n  }\n");
        if (n > 0)
                put("  return s + function_%u(0, s, t[3]);\n}\n", below(n));
        else
                put("  return s;\n}\n");
        n++;
}

static const struct kind {
        const char *name;
        void (*piece)(void);
        const char *end;
} kinds[] = {
        {"lines", lines, ""},  {"bytes", bytes, ""},      {"mixed", mixed, ""},
        {"json", json, "]\n"}, {"xml", xml, "</list>\n"}, {"c", c, ""},
};

int main(int argc, char **argv)
{
        const struct kind *kind = NULL;
        uint64_t size;

        for (size_t i = 0; argc >= 3 && i < sizeof(kinds) / sizeof(*kinds); i++) {
                if (strcmp(kinds[i].name, argv[1]) == 0)
                        kind = &kinds[i];
        }
        if (!kind) {
                fprintf(stderr, "usage: generate lines|bytes|mixed|json|xml|c MEGABYTES [SEED]\n");
                return 2;
        }
        size = (uint64_t)(atof(argv[2]) * 1e6);
        state = argc > 3 ? strtoull(argv[3], NULL, 10) : 1;
        while (written < size)
                kind->piece();
        fputs(kind->end, stdout);
        return fflush(stdout) != 0 || ferror(stdout);
}
