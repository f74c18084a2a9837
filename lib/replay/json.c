/* SPDX-License-Identifier: MIT */
/* json.c - see json.h. */
#include "json.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

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

static void quoted(const struct json *j, const char *text)
{
        const unsigned char *at = (const unsigned char *)text;

        fputc('"', j->stream);
        for (size_t n; *at; at += n ? n : 1) {
                n = character(at);
                if (n == 0)
                        fputs("\\ufffd", j->stream);
                else if (*at == '"' || *at == '\\')
                        fprintf(j->stream, "\\%c", *at);
                else if (*at < 0x20 || *at == 0x7f)
                        fprintf(j->stream, "\\u%04x", *at);
                else
                        fwrite(at, 1, n, j->stream);
        }
        fputc('"', j->stream);
}

/* ---- structure ------------------------------------------------------------------------------ */

static void indent(const struct json *j)
{
        if (j->lines)
                return;
        fputc('\n', j->stream);
        for (unsigned i = 0; i < j->depth; i++)
                fputs("  ", j->stream);
}

static void member(struct json *j, const char *key)
{
        if (j->has_member)
                fputc(',', j->stream);
        j->has_member = true;
        if (j->depth > 0)
                indent(j);
        if (!key)
                return;
        quoted(j, key);
        fputs(j->lines ? ":" : ": ", j->stream);
}

static void open(struct json *j, const char *key, const char *ends)
{
        member(j, key);
        fputc(ends[0], j->stream);
        j->ends[j->depth++] = ends[1];
        j->has_member = false;
}

void json_document(struct json *j, const char *schema, unsigned version)
{
        j->depth = 0;
        j->has_member = false;
        open(j, NULL, "{}");
        json_text(j, "schema", schema);
        json_number(j, "version", version);
}

void json_object(struct json *j, const char *key)
{
        open(j, key, "{}");
}

void json_array(struct json *j, const char *key)
{
        open(j, key, "[]");
}

void json_close(struct json *j)
{
        bool is_empty = !j->has_member;

        j->depth--;
        if (!is_empty)
                indent(j);
        fputc(j->ends[j->depth], j->stream);
        j->has_member = true;
        if (j->depth == 0)
                fputc('\n', j->stream);
}

/* ---- values --------------------------------------------------------------------------------- */

void json_text(struct json *j, const char *key, const char *text)
{
        member(j, key);
        quoted(j, text);
}

void json_number(struct json *j, const char *key, uint64_t value)
{
        member(j, key);
        fprintf(j->stream, "%" PRIu64, value);
}

void json_decimal(struct json *j, const char *key, double value, int places)
{
        member(j, key);
        if (isfinite(value))
                fprintf(j->stream, "%.*f", places, value);
        else
                fputs("null", j->stream);
}

void json_bool(struct json *j, const char *key, bool value)
{
        member(j, key);
        fputs(value ? "true" : "false", j->stream);
}

void json_null(struct json *j, const char *key)
{
        member(j, key);
        fputs("null", j->stream);
}
