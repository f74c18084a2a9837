/* SPDX-License-Identifier: MIT */
/*
 * sample_fold.c - sampled stacks as text, in the form that FlameGraph and speedscope read: a line
 * for each stack, the functions from the outermost to the innermost, and how many faults.
 *
 * A function is known by the address where it begins, so stacks are equal that differ only in
 * where in a function they were. Names are looked up when all stacks are known: each file's list of
 * functions is gone through once. A function that has no name there, as a static one of a program
 * that was stripped, is "[file+0xaddress]", which addr2line and gdb understand. Where callers could
 * not be found, "[unknown]" stands in their place, below the program.
 */
#include "sample_fold.h"
#include "module.h"
#include "real_syscalls.h"
#include "unwind.h"

#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>

#define STACKS_MOST 1024u /* as many as there are samples */
#define FRAMES_MOST 192u
#define NAMES_MOST  16384u

struct stack {
        uint32_t samples;
        uint16_t depth;
        bool is_whole;                /* the thread begins with the last frame */
        uint64_t frames[FRAMES_MOST]; /* from the innermost */
};

struct fold {
        struct modules modules;
        unsigned nstacks, nsamples, nnames;
        struct stack stacks[STACKS_MOST];
        struct {
                uint64_t function;
                const char *name; /* in the file; NULL: none */
        } names[NAMES_MOST];      /* sorted */
};

/* ---- stacks --------------------------------------------------------------------------------- */

static bool is_same_stack(const struct stack *a, const struct stack *b)
{
        return a->depth == b->depth && a->is_whole == b->is_whole &&
               memcmp(a->frames, b->frames, a->depth * sizeof(a->frames[0])) == 0;
}

static void stack_walk(struct fold *f, const struct pg_fault_sample *sample, struct stack *into)
{
        struct unwind u = {.stack = sample->stack,
                           .from = sample->sp,
                           .size = sample->stack_size,
                           .pc = sample->pc,
                           .sp = sample->sp,
                           .fp = sample->fp,
                           .lr = sample->lr,
                           .has_fp = sample->has_fp,
                           .has_lr = sample->has_fp,
                           .is_exact = true};
        enum unwind_end end = UNWIND_ON;

        into->depth = 0;
        while (end == UNWIND_ON && into->depth < FRAMES_MOST)
                end = unwind_step(&f->modules, &u, &into->frames[into->depth++]);
        into->is_whole = end == UNWIND_END;
}

void fold_add(void *fold, const struct pg_fault_sample *sample)
{
        struct fold *f = fold;
        struct stack *now = &f->stacks[f->nstacks];
        unsigned i = 0;

        if (f->nstacks == STACKS_MOST)
                return;
        stack_walk(f, sample, now);
        while (!is_same_stack(&f->stacks[i], now))
                i++;
        f->stacks[i].samples++;
        f->nstacks += i == f->nstacks;
        f->nsamples++;
}

/* ---- names ---------------------------------------------------------------------------------- */

/* The first of them that is not below. */
static unsigned name_place(const struct fold *f, uint64_t function)
{
        unsigned low = 0, high = f->nnames;

        while (low < high) {
                unsigned middle = low + (high - low) / 2;

                if (f->names[middle].function < function)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

static void name_want(struct fold *f, uint64_t function)
{
        unsigned at = name_place(f, function);

        if ((at < f->nnames && f->names[at].function == function) || f->nnames == NAMES_MOST)
                return;
        memmove(&f->names[at + 1], &f->names[at], (f->nnames - at) * sizeof(f->names[0]));
        f->names[at].function = function;
        f->names[at].name = NULL;
        f->nnames++;
}

/* Of several names for one function the shortest is kept, and so the one without decoration. */
static void name_found(void *fold, uint64_t from, uint64_t to, const char *name)
{
        struct fold *f = fold;

        for (unsigned i = name_place(f, from); i < f->nnames && f->names[i].function < to; i++)
                if (!f->names[i].name || strlen(name) < strlen(f->names[i].name))
                        f->names[i].name = name;
}

static void names_find(struct fold *f)
{
        for (unsigned i = 0; i < f->nstacks; i++)
                for (unsigned j = 0; j < f->stacks[i].depth; j++)
                        name_want(f, f->stacks[i].frames[j]);
        for (unsigned i = 0; i < f->modules.count; i++)
                if (f->modules.each[i].is_open > 0)
                        module_functions(&f->modules.each[i], name_found, f);
}

/* ---- text ----------------------------------------------------------------------------------- */

struct line {
        int fd, error;
        size_t len;
        char at[4096];
};

static void line_flush(struct line *l)
{
        if (!l->error)
                l->error = real_write_all(l->fd, l->at, l->len);
        l->len = 0;
}

static void line_char(struct line *l, char c)
{
        if (l->len == sizeof(l->at))
                line_flush(l);
        l->at[l->len++] = c;
}

static void line_text(struct line *l, const char *text)
{
        for (; *text; text++)
                line_char(l, *text);
}

/* What would end the name, or the line, is replaced. */
static void line_name(struct line *l, const char *name)
{
        for (; *name; name++)
                line_char(l, *name == ';' ? ':' : *name <= ' ' && *name > 0 ? '_' : *name);
}

static void line_number(struct line *l, uint64_t n, unsigned base)
{
        char digits[24];
        size_t i = sizeof(digits);

        for (digits[--i] = '\0'; n > 0 || i == sizeof(digits) - 1; n /= base)
                digits[--i] = "0123456789abcdef"[n % base];
        line_text(l, digits + i);
}

static void line_function(struct line *l, struct fold *f, uint64_t function)
{
        unsigned at = name_place(f, function);
        const struct module *m = module_of(&f->modules, function);

        line_char(l, ';');
        if (at < f->nnames && f->names[at].function == function && f->names[at].name) {
                line_name(l, f->names[at].name);
                return;
        }
        line_char(l, '[');
        line_name(l, m ? module_name(m) : "");
        line_text(l, "+0x");
        line_number(l, m ? function - (m->is_open > 0 ? m->bias : m->start - m->offset) : function,
                    16);
        line_char(l, ']');
}

int fold_write(struct fold *f, int fd, const char *program, uint64_t loads)
{
        struct line l = {.fd = fd};

        names_find(f);
        for (unsigned i = 0; i < f->nstacks; i++) {
                const struct stack *s = &f->stacks[i];
                uint64_t share = (s->samples * loads + f->nsamples / 2) / f->nsamples;

                line_name(&l, program);
                if (!s->is_whole)
                        line_text(&l, ";[unknown]");
                for (unsigned j = s->depth; j-- > 0;)
                        line_function(&l, f, s->frames[j]);
                line_char(&l, ' ');
                line_number(&l, share, 10);
                line_char(&l, '\n');
        }
        line_flush(&l);
        return l.error;
}

/* ---- begin and end -------------------------------------------------------------------------- */

struct fold *fold_begin(void)
{
        struct fold *f = real_mmap(NULL, sizeof(*f), PROT_READ | PROT_WRITE,
                                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

        if (f == MAP_FAILED)
                return NULL;
        modules_read(&f->modules);
        return f;
}

void fold_end(struct fold *f)
{
        for (unsigned i = 0; i < f->modules.count; i++)
                if (f->modules.each[i].file)
                        real_munmap((void *)(uintptr_t)f->modules.each[i].file,
                                    f->modules.each[i].size);
        real_munmap(f, sizeof(*f));
}
