/* SPDX-License-Identifier: MIT */
/*
 * area.c - a mapping and its shadow: what every word of it must hold.
 *
 * A write first happens in paged memory and then in the shadow; a SIGBUS in between leaves the
 * shadow as it was and repeats the write, so an access may be cut off at any instruction. Words of
 * which nobody can know the content (memory that was mapped UNINIT and not written yet) are marked
 * unknown, and not compared.
 */
#include "stress.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

struct run run;
__thread struct thread *self;

void op_begin(struct thread *t, enum op op, const struct area *a, uint64_t page, uint64_t pages)
{
        uint64_t n = atomic_fetch_add_explicit(&t->progress, 1, memory_order_relaxed) + 1;

        t->last[n % LAST_OPS] = (struct did){op, a ? a->name : "-", page, pages, 1};
        atomic_fetch_add_explicit(&t->counts[op], 1, memory_order_relaxed);
}

int op_end(struct thread *t, int result)
{
        t->last[atomic_load_explicit(&t->progress, memory_order_relaxed) % LAST_OPS].result =
                result;
        return result;
}

/* ---- the shadow ---------------------------------------------------------------------------- */

char *area_addr(const struct area *a, uint64_t word)
{
        return a->base + word * 8;
}

void area_note(struct area *a, uint64_t word, const uint64_t *values, size_t n)
{
        memset(a->known + word, values != NULL, n);
        if (values)
                memcpy(a->shadow + word, values, n * 8);
}

void area_note_born(struct area *a, uint64_t word, size_t n)
{
        bool of_data =
                a->kind == AREA_PRIVATE || a->kind == AREA_SHARED || a->kind == AREA_READONLY;

        memset(a->known + word, a->kind != AREA_UNINIT, n);
        for (uint64_t w = word; w < word + n; w++)
                a->shadow[w] = of_data ? data_word(a->offset + w * 8) : 0;
}

/* ---- making and ending --------------------------------------------------------------------- */

bool area_map(struct area *a, enum area_kind kind, size_t npages, uint64_t offset)
{
        static const char *const kind_names[AREA_KINDS] = {"anon", "uninit", "private", "shared",
                                                           "readonly"};
        static const unsigned flags[AREA_KINDS] = {
                [AREA_UNINIT] = PG_MAP_UNINIT,
                [AREA_SHARED] = PG_MAP_SHARED,
                [AREA_READONLY] = PG_MAP_READONLY,
        };
        size_t bytes = npages * run.page_size;

        *a = (struct area){.kind = kind, .name = kind_names[kind], .npages = npages};
        a->half = npages / 2;
        a->page_words = run.page_size / 8;
        a->offset = offset;
        if (kind <= AREA_UNINIT) {
                a->base = pg_map(run.pool, bytes, flags[kind]);
        } else {
                if (pg_attach(run.pool, run.data, &a->location) != 0)
                        return false;
                a->location += offset;
                a->base = pg_map_unpaged(run.pool, a->location, bytes, flags[kind]);
        }
        if (!a->base)
                return false;
        a->shadow = malloc(bytes);
        a->known = malloc(bytes / 8);
        area_note_born(a, 0, bytes / 8);
        return true;
}

void area_unmap(struct thread *t, struct area *a)
{
        size_t bytes = a->npages * run.page_size;
        int error;

        while ((error = pg_unmap(run.pool, a->base, bytes)) != 0)
                if (!store_is_flaky())
                        fail(t, "pg_unmap(%s) = %s", a->name, strerror(-error));
        area_check_store(t, a, 0, a->npages, false);
        free(a->shadow);
        free(a->known);
        *a = (struct area){0};
}

/* ---- accesses ------------------------------------------------------------------------------ */

/* The poisoned page is brought in, as soon as its store can. */
static void heal(struct thread *t)
{
        uintptr_t addr = (uintptr_t)t->fault_addr & ~(run.page_size - 1);
        struct timespec pause = {.tv_nsec = 1000000};
        int error;

        atomic_fetch_add_explicit(&t->counts[OP_HEAL], 1, memory_order_relaxed);
        while ((error = pg_page_in(run.pool, (void *)addr, run.page_size)) != 0) {
                if (!store_is_flaky())
                        fail(t, "pg_page_in(%p) of a poisoned page: %s", (void *)addr,
                             strerror(-error));
                nanosleep(&pause, NULL);
        }
}

void guarded(struct thread *t, void (*access)(void *arg), void *arg)
{
        if (store_is_flaky()) {
                while (sigsetjmp(t->jump, 1) != 0)
                        heal(t);
                t->armed = true;
        }
        access(arg);
        t->armed = false;
}

struct piece {
        char *paged;
        void *own;
        size_t len;
        unsigned char byte;
};

static void read_words(void *arg)
{
        struct piece *p = arg;
        const volatile uint64_t *from = (const volatile uint64_t *)(void *)p->paged;
        uint64_t *to = p->own;

        if (p->len >= 256) {
                memcpy(to, p->paged, p->len);
                return;
        }
        for (size_t i = 0; i < p->len / 8; i++)
                to[i] = from[i];
}

static void write_words(void *arg)
{
        struct piece *p = arg;
        volatile uint64_t *to = (volatile uint64_t *)(void *)p->paged;
        const uint64_t *from = p->own;

        if (p->len >= 256) {
                memcpy(p->paged, from, p->len);
                return;
        }
        for (size_t i = 0; i < p->len / 8; i++)
                to[i] = from[i];
}

static void set_bytes(void *arg)
{
        struct piece *p = arg;

        memset(p->paged, p->byte, p->len);
}

void area_check(struct thread *t, const struct area *a, uint64_t word, const uint64_t *found,
                size_t n)
{
        for (size_t i = 0; i < n; i++) {
                uint64_t w = word + i, expected = a->shadow[w];

                if (!a->known[w] || found[i] == expected)
                        continue;
                fail(t,
                     "wrong word: mapping %s, page %zu of %zu, address %p: "
                     "expected %#llx, found %#llx, now %#llx",
                     a->name, w / a->page_words, a->npages, (void *)area_addr(a, w),
                     (unsigned long long)expected, (unsigned long long)found[i],
                     (unsigned long long)*(volatile uint64_t *)(void *)area_addr(a, w));
        }
}

void area_read(struct thread *t, struct area *a, uint64_t word, size_t n)
{
        uint64_t few[CHUNK_WORDS];
        struct piece p = {area_addr(a, word), n <= CHUNK_WORDS ? few : t->values, n * 8, 0};

        guarded(t, read_words, &p);
        area_check(t, a, word, p.own, n);
}

void area_write(struct thread *t, struct area *a, uint64_t word, const uint64_t *values, size_t n)
{
        struct piece p = {area_addr(a, word), (void *)(uintptr_t)values, n * 8, 0};

        guarded(t, write_words, &p);
        area_note(a, word, values, n);
}

void area_set(struct thread *t, struct area *a, uint64_t word, size_t n, unsigned char byte)
{
        struct piece p = {area_addr(a, word), NULL, n * 8, byte};

        guarded(t, set_bytes, &p);
        memset(a->known + word, 1, n);
        memset(a->shadow + word, byte, n * 8);
}

/* ---- whole areas --------------------------------------------------------------------------- */

void area_check_store(struct thread *t, const struct area *a, uint64_t page, size_t npages,
                      bool synced)
{
        uint64_t *held = malloc(run.page_size);

        for (uint64_t p = page; a->kind >= AREA_PRIVATE && p < page + npages; p++) {
                uint64_t offset = a->offset + p * run.page_size;

                (synced ? data_peek_synced : data_peek)(run.data, offset, held, run.page_size);
                for (size_t i = 0; i < a->page_words; i++) {
                        uint64_t expected = a->kind == AREA_SHARED
                                                    ? a->shadow[p * a->page_words + i]
                                                    : data_word(offset + i * 8);

                        if (held[i] != expected)
                                fail(t,
                                     "wrong content of the store under %s, page %llu, word %zu: "
                                     "expected %#llx, found %#llx",
                                     a->name, (unsigned long long)p, i,
                                     (unsigned long long)expected, (unsigned long long)held[i]);
                }
        }
        free(held);
}

void area_sweep(struct thread *t, struct area *a)
{
        size_t n;

        for (uint64_t w = 0; w < area_words(a); w += n) {
                n = area_words(a) - w < RUN_WORDS ? area_words(a) - w : RUN_WORDS;
                op_begin(t, OP_READ_RUN, a, w / a->page_words, 1);
                area_read(t, a, w, n);
        }
}
