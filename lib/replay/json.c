/* SPDX-License-Identifier: MIT */
/* json.c - see json.h. */
#include "json.h"

#include <math.h>
#include <string.h>

static void put(const struct json *j, const char *text)
{
        j->put(j->arg, text, strlen(text));
}

/* ---- text ----------------------------------------------------------------------------------- */

/* How many bytes the character has that begins here; 0: it is no UTF-8. */
static size_t character(const unsigned char *at)
{
        size_t n = at[0] < 0x80   ? 1
                   : at[0] < 0xc2 ? 0
                   : at[0] < 0xe0 ? 2
                   : at[0] < 0xf0 ? 3
                   : at[0] < 0xf5 ? 4
                                  : 0;

        for (size_t i = 1; i < n; i++)
                if ((at[i] & 0xc0) != 0x80)
                        return 0;
        /* Forms that are too long, surrogates, and what lies beyond the last character. */
        if ((at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xed && at[1] > 0x9f) ||
            (at[0] == 0xf0 && at[1] < 0x90) || (at[0] == 0xf4 && at[1] > 0x8f))
                return 0;
        return n;
}

/* "\\u001f" */
static void put_escaped(const struct json *j, unsigned char c)
{
        static const char digits[] = "0123456789abcdef";
        const char escaped[] = {'\\', 'u', '0', '0', digits[c >> 4], digits[c & 15], '\0'};

        put(j, escaped);
}

static void quoted(const struct json *j, const char *text)
{
        const unsigned char *at = (const unsigned char *)text;

        put(j, "\"");
        for (size_t n; *at; at += n ? n : 1) {
                n = character(at);
                if (n == 0)
                        put(j, "\\ufffd");
                else if (*at == '"' || *at == '\\')
                        put(j, *at == '"' ? "\\\"" : "\\\\");
                else if (*at < 0x20 || *at == 0x7f)
                        put_escaped(j, *at);
                else
                        j->put(j->arg, (const char *)at, n);
        }
        put(j, "\"");
}

/* ---- structure ------------------------------------------------------------------------------ */

static void indent(const struct json *j)
{
        if (j->lines)
                return;
        put(j, "\n");
        for (unsigned i = 0; i < j->depth; i++)
                put(j, "  ");
}

static void member(struct json *j, const char *key)
{
        if (j->has_member)
                put(j, ",");
        j->has_member = true;
        if (j->depth > 0)
                indent(j);
        if (!key)
                return;
        quoted(j, key);
        put(j, j->lines ? ":" : ": ");
}

static void begin(struct json *j, const char *key, const char *ends)
{
        member(j, key);
        j->put(j->arg, &ends[0], 1);
        j->ends[j->depth++] = ends[1];
        j->has_member = false;
}

void json_document(struct json *j, const char *schema, unsigned version)
{
        j->depth = 0;
        j->has_member = false;
        begin(j, NULL, "{}");
        json_text(j, "schema", schema);
        json_number(j, "version", version);
}

void json_object(struct json *j, const char *key)
{
        begin(j, key, "{}");
}

void json_array(struct json *j, const char *key)
{
        begin(j, key, "[]");
}

void json_close(struct json *j)
{
        bool is_empty = !j->has_member;

        j->depth--;
        if (!is_empty)
                indent(j);
        j->put(j->arg, &j->ends[j->depth], 1);
        j->has_member = true;
        if (j->depth == 0)
                put(j, "\n");
}

/* ---- values --------------------------------------------------------------------------------- */

void json_text(struct json *j, const char *key, const char *text)
{
        member(j, key);
        quoted(j, text);
}

void json_number(struct json *j, const char *key, uint64_t value)
{
        char digits[24], *at = digits + sizeof(digits) - 1;

        *at = '\0';
        do
                *--at = (char)('0' + value % 10);
        while (value /= 10);
        member(j, key);
        put(j, at);
}

void json_decimal(struct json *j, const char *key, double value, unsigned places)
{
        char text[40] = "";
        struct ink ink = {text, sizeof(text), 0, false};

        if (isfinite(value) && fabs(value) < JSON_DECIMAL_LIMIT)
                ink_number(&ink, value, places);
        member(j, key);
        put(j, text[0] ? text : "null");
}

void json_bool(struct json *j, const char *key, bool value)
{
        member(j, key);
        put(j, value ? "true" : "false");
}

void json_null(struct json *j, const char *key)
{
        member(j, key);
        put(j, "null");
}

/* ---- where it goes -------------------------------------------------------------------------- */

void json_into_ink(void *ink, const char *text, size_t n)
{
        ink_piece(ink, text, n);
}
