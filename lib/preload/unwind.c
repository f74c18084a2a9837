/* SPDX-License-Identifier: MIT */
/*
 * unwind.c - from a copy of a stack to the functions that were running.
 *
 * Debian's programs keep no frame pointers, but their files have tables for exceptions (.eh_frame)
 * that say, for each instruction, where the caller's frame is. Such a row names the canonical frame
 * address (CFA: the stack pointer before the call), and where the caller's registers were saved.
 * Of these only three are followed: program counter, stack pointer and frame pointer. The CFA is
 * counted from the last two.
 *
 * In thread delivery the frame pointer of the first function is not known. Where its row counts
 * from that, the frame is searched: upwards from the stack pointer, the first place that has a
 * return address behind a call of just this function; or, as a function may be called indirectly,
 * behind any call, if the callers can be found from there; or else the first behind any call that
 * has a frame pointer before it. A frame that is found wrongly loses the callers, or names wrong
 * ones; the first function is right in any case.
 *
 * Code without such tables, as compilers at run time write it, is walked by frame pointers where
 * they are known, and else the stack is lost there.
 */
#include "unwind.h"
#include "cfi.h"

#include <string.h>

static bool stack_read(const struct unwind *u, uint64_t address, uint64_t *word)
{
        uint64_t at = address - u->from;

        if (at >= u->size || u->size - at < sizeof(*word))
                return false;
        memcpy(word, u->stack + at, sizeof(*word));
        return true;
}

/* ---- expressions ---------------------------------------------------------------------------- */

#define DEPTH 16u
/* So that stacks whose end was not copied do not take long. */
#define TRIALS      8u
#define TRIAL_STEPS 64u

static bool reg_value(const struct unwind *u, uint64_t reg, uint64_t *value)
{
        *value = reg == REG_OF_SP ? u->sp : u->fp;
        return reg == REG_OF_SP || (reg == REG_OF_FP && u->has_fp);
}

/* Those that compilers write for aligned frames, and C libraries for the frame of a signal. */
static bool evaluate(const struct unwind *u, struct cursor c, uint64_t first, uint64_t *result)
{
        uint64_t stack[DEPTH] = {first}, value;
        unsigned n = 1;

        while (c.at < c.end) {
                unsigned op = (unsigned)cfi_take(&c, 1);

                if (op >= 0x30 && op <= 0x4f) { /* lit */
                        value = op - 0x30;
                } else if (op >= 0x70 && op <= 0x8f) { /* breg */
                        if (!reg_value(u, op - 0x70, &value))
                                return false;
                        value += (uint64_t)cfi_sleb(&c);
                } else if (op == 0x06) { /* deref */
                        if (!stack_read(u, stack[--n], &value))
                                return false;
                } else if (op == 0x23) { /* plus_uconst */
                        value = stack[--n] + cfi_uleb(&c);
                } else if ((op == 0x1a || op == 0x22) && n >= 2) { /* and, plus */
                        n -= 2;
                        value = op == 0x1a ? stack[n] & stack[n + 1] : stack[n] + stack[n + 1];
                } else {
                        return false;
                }
                if (n == DEPTH)
                        return false;
                stack[n++] = value;
        }
        *result = stack[n - 1];
        return true;
}

/* ---- a frame pointer that is not known -------------------------------------------------------- */

enum call { NO_CALL, ANY_CALL, CALL_OF_THIS };

/* Does a call stand before this return address? `function` is in the process. */
static enum call call_before(struct modules *modules, uint64_t address, uint64_t function)
{
#if defined(__x86_64__)
        struct module *m = address > 7 ? module_at(modules, address - 7) : NULL;
        size_t left = 0;
        const unsigned char *p = m ? module_bytes(m, address - 7 - m->bias, &left) : NULL;
        int32_t distance;

        if (!p || left < 7)
                return NO_CALL;
        p += 7;
        memcpy(&distance, p - 4, sizeof(distance));
        if (p[-5] == 0xe8) /* call near: of a stub, if it is another library's */
                return address + (uint64_t)distance == function ? CALL_OF_THIS : ANY_CALL;
        for (int length = 2; length <= 7; length++) /* call by register or memory */
                if (p[-length] == 0xff && (p[-length + 1] & 0x38) == 0x10)
                        return ANY_CALL;
#else
        (void)modules, (void)address, (void)function;
#endif
        return NO_CALL;
}

/* Does a thread begin where this leads to? Many callers are as good. */
static bool leads_to_end(struct modules *modules, struct unwind u)
{
        enum unwind_end end = UNWIND_ON;
        uint64_t ignored;

        u.is_trial = true;
        for (unsigned i = 0; i < TRIAL_STEPS && end == UNWIND_ON; i++)
                end = unwind_step(modules, &u, &ignored);
        return end != UNWIND_LOST;
}

/* False: there is none in what was copied of the stack. */
static bool find_frame(struct modules *modules, struct unwind *u, uint64_t function,
                       const struct row *row)
{
        uint64_t address, saved, likely = 0;
        unsigned trials = u->is_trial ? 0 : TRIALS;

        if (row->ra.kind != AT_OFFSET || row->fp.kind != AT_OFFSET)
                return false;
        u->has_fp = true;
        for (uint64_t at = (u->sp + 7) & ~7ull; stack_read(u, at, &address); at += 8) {
                uint64_t cfa = at - (uint64_t)row->ra.offset;
                enum call call = call_before(modules, address, function);

                u->fp = cfa - (uint64_t)row->cfa_offset;
                if (call == NO_CALL || u->fp < u->sp ||
                    !stack_read(u, cfa + (uint64_t)row->fp.offset, &saved))
                        continue;
                if (call == CALL_OF_THIS || (trials > 0 && leads_to_end(modules, *u)))
                        return true;
                trials -= trials > 0;
                if (likely == 0 && saved > at)
                        likely = u->fp;
        }
        u->fp = likely;
        u->has_fp = likely != 0;
        return u->has_fp;
}

/* ---- a step --------------------------------------------------------------------------------- */

/* False: it is not known. */
static bool apply(const struct unwind *u, const struct rule *r, uint64_t cfa, uint64_t same,
                  bool has_same, uint64_t *value)
{
        uint64_t at = cfa + (uint64_t)r->offset;

        switch (r->kind) {
        case SAME:
                *value = same;
                return has_same;
        case AT_OFFSET:
                return stack_read(u, at, value);
        case IS_OFFSET:
                *value = at;
                return true;
        case AT_EXPRESSION:
                return evaluate(u, r->expression, cfa, &at) && stack_read(u, at, value);
        case IS_EXPRESSION:
                return evaluate(u, r->expression, cfa, value);
        default:
                return false;
        }
}

static bool cfa_of(struct modules *modules, struct unwind *u, uint64_t function,
                   const struct row *row, uint64_t *cfa)
{
        uint64_t base;

        if (row->cfa_is_expression)
                return evaluate(u, row->cfa_expression, 0, cfa);
        if (row->cfa_reg == REG_OF_FP && !u->has_fp && !find_frame(modules, u, function, row))
                return false;
        if (!reg_value(u, row->cfa_reg, &base))
                return false;
        *cfa = base + (uint64_t)row->cfa_offset;
        return true;
}

static enum unwind_end step_to(struct unwind *u, uint64_t pc, uint64_t sp, bool is_exact)
{
        if (pc == 0)
                return UNWIND_END;
        if (sp < u->sp || (sp == u->sp && pc == u->pc))
                return UNWIND_LOST;
        u->pc = pc & (((uint64_t)1 << 48) - 1); /* without a signature */
        u->sp = sp;
        u->has_lr = false;
        u->is_exact = is_exact;
        return UNWIND_ON;
}

static enum unwind_end step_by_entry(struct modules *modules, struct unwind *u,
                                     const struct entry *e, const struct row *row,
                                     uint64_t function)
{
        uint64_t cfa, pc, sp, fp;
        bool has_fp;

        if (row->ra.kind == UNKNOWN)
                return UNWIND_END;
        if (!cfa_of(modules, u, function, row, &cfa) ||
            !apply(u, &row->ra, cfa, u->lr, u->has_lr, &pc))
                return UNWIND_LOST;
        if (row->sp.kind == SAME || !apply(u, &row->sp, cfa, 0, false, &sp))
                sp = cfa;
        has_fp = apply(u, &row->fp, cfa, u->fp, u->has_fp, &fp);
        u->fp = has_fp ? fp : 0;
        u->has_fp = has_fp;
        return step_to(u, pc, sp, e->is_signal);
}

/* [fp] is the caller's, and behind it is where it goes on. */
static enum unwind_end step_by_frame_pointer(struct unwind *u)
{
        uint64_t pc, fp, at = u->fp;

        if (!u->has_fp || at < u->sp || !stack_read(u, at, &fp) || !stack_read(u, at + 8, &pc))
                return UNWIND_LOST;
        u->fp = fp;
        return step_to(u, pc, at + 16, false);
}

enum unwind_end unwind_step(struct modules *modules, struct unwind *u, uint64_t *function)
{
        /* A call may be the last instruction of its function. */
        uint64_t pc = u->is_exact ? u->pc : u->pc - 1;
        struct module *m = module_at(modules, pc);
        struct entry e;
        struct row row;

        *function = pc;
        if (!m)
                return module_of(modules, pc) ? UNWIND_LOST : step_by_frame_pointer(u);
        if (!cfi_entry(m, pc - m->bias, &e) || !cfi_row(&e, pc - m->bias, &row))
                return step_by_frame_pointer(u);
        *function = m->bias + e.begin;
        return step_by_entry(modules, u, &e, &row, *function);
}
