/* SPDX-License-Identifier: MIT */
/*
 * json.h - writes JSON, member by member. Each document begins with the members "schema", a name
 * such as "unpaged.stats", and "version", a number that grows when a member goes away or means
 * something else; members may be added without that. The schemas are described in unpaged(1).
 *
 * The preloaded library writes with it, too, when a process ends: no allocation, no stdio, no
 * locale. Any thread, any signal handler.
 *
 * Numbers are whole or have the places that are asked for. Text that is no UTF-8 (the name of a
 * file may be anything) has U+FFFD in place of the bytes that are none.
 */
#ifndef JSON_H
#define JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "ink.h"

#define JSON_DEPTH 8u

struct json {
        void (*put)(void *arg, const char *text, size_t n); /* where it goes, piece by piece */
        void *arg;
        bool lines;      /* each document on a line of its own; else indented */
        unsigned depth;  /* of what is open */
        bool has_member; /* the innermost has one */
        char ends[JSON_DEPTH];
};

/* The document, with its first two members; to be closed by json_close(). */
void json_document(struct json *j, const char *schema, unsigned version);
/* key: NULL in an array. */
void json_object(struct json *j, const char *key);
void json_array(struct json *j, const char *key);
/* The innermost of these. */
void json_close(struct json *j);

void json_text(struct json *j, const char *key, const char *text);
void json_number(struct json *j, const char *key, uint64_t value);
/* With so many places, at most 4; null, if it is no number below the limit. */
#define JSON_DECIMAL_LIMIT 1e15
void json_decimal(struct json *j, const char *key, double value, unsigned places);
void json_bool(struct json *j, const char *key, bool value);
void json_null(struct json *j, const char *key);

/* For `put`: arg is a struct ink; a FILE (json_stream.c). */
void json_into_ink(void *ink, const char *text, size_t n);
void json_into_stream(void *stream, const char *text, size_t n);

#endif
