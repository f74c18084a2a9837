# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034
# Sourced by tests of policies in shared objects; wants CC. A source begins with $common, which wants
# CHECKED defined, and ends with a table of MEMBERS.
object() { # NAME: compiles standard input
        "$CC" -shared -fPIC -w -I "$(dirname "${BASH_SOURCE[0]}")/../../include" -x c - -o "$1"
}
common='
#include <unpaged/policy.h>
struct self { uint32_t n, next; uint8_t has[]; };
static size_t footprint(uint32_t n) { return sizeof(struct self) + n; }
static void init(void *self, uint32_t n) { ((struct self *)self)->n = n; }
static void add(void *self, uint32_t f, uint64_t key, enum pg_add how) { ((struct self *)self)->has[f] = 1; }
static void take(void *self, uint32_t f) { ((struct self *)self)->has[f] = 0; }
static void accessed(void *self, uint32_t f) { }
static uint32_t next(void *self)
{
        struct self *s = self;

        while (!s->has[s->next %= s->n])
                s->next++;
        return s->next++;
}
static bool check(const void *self) { return ((const struct self *)self)->n != CHECKED; }
#define MEMBERS .size = sizeof(struct pg_policy_ops), .name = "mine", .footprint = footprint, \
        .init = init, .add = add, .remove = take, .accessed = accessed, .select = next
'
