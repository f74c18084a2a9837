/* SPDX-License-Identifier: MIT */
/* cfi.c - reads the tables for exceptions of a file. See cfi.h; the form is that of the Linux
 * Standard Base, on DWARF's call frame information. */
#include "cfi.h"

#include <string.h>

/* ---- reading -------------------------------------------------------------------------------- */

static uint64_t cursor_vaddr(const struct cursor *c)
{
        return c->vaddr_of_end - (uint64_t)(c->end - c->at);
}

static bool cursor_set(struct cursor *c, const struct module *m, uint64_t vaddr)
{
        size_t left = 0;

        c->at = module_bytes(m, vaddr, &left);
        c->end = c->at ? c->at + left : NULL;
        c->vaddr_of_end = vaddr + left;
        return c->at != NULL;
}

static void cursor_skip(struct cursor *c, uint64_t n)
{
        c->at = n > (uint64_t)(c->end - c->at) ? c->end : c->at + n;
}

/* Not more than there is. */
static void cursor_limit(struct cursor *c, uint64_t n)
{
        if (n < (uint64_t)(c->end - c->at)) {
                c->vaddr_of_end = cursor_vaddr(c) + n;
                c->end = c->at + n;
        }
}

uint64_t cfi_take(struct cursor *c, unsigned bytes)
{
        uint64_t n = 0;

        if ((size_t)(c->end - c->at) >= bytes)
                memcpy(&n, c->at, bytes);
        cursor_skip(c, bytes);
        return n;
}

static int64_t take_signed(struct cursor *c, unsigned bytes)
{
        unsigned unused = 64 - 8 * bytes;

        return (int64_t)(cfi_take(c, bytes) << unused) >> unused;
}

static uint64_t take_leb(struct cursor *c, bool is_signed)
{
        uint64_t n = 0, byte = 0x80;
        unsigned shift = 0;

        while (byte & 0x80 && c->at < c->end) {
                byte = cfi_take(c, 1);
                if (shift < 64)
                        n |= (byte & 0x7f) << shift;
                shift += 7;
        }
        if (is_signed && byte & 0x40 && shift < 64)
                n |= ~(uint64_t)0 << shift;
        return n;
}

uint64_t cfi_uleb(struct cursor *c)
{
        return take_leb(c, false);
}

int64_t cfi_sleb(struct cursor *c)
{
        return (int64_t)take_leb(c, true);
}

/* A pointer in one of the forms of DW_EH_PE_. */
static uint64_t take_pointer(struct cursor *c, unsigned form)
{
        uint64_t from = (form & 0x70) == 0x10 ? cursor_vaddr(c) : 0, n;

        if (form == 0xff) /* there is none */
                return 0;
        switch (form & 0xf) {
        case 0x1:
                n = cfi_uleb(c);
                break;
        case 0x2:
                n = cfi_take(c, 2);
                break;
        case 0x3:
                n = cfi_take(c, 4);
                break;
        case 0x9:
                n = (uint64_t)cfi_sleb(c);
                break;
        case 0xa:
                n = (uint64_t)take_signed(c, 2);
                break;
        case 0xb:
                n = (uint64_t)take_signed(c, 4);
                break;
        default:
                n = cfi_take(c, 8);
                break;
        }
        return from + n;
}

/* ---- the tables of a file ------------------------------------------------------------------- */

#define SORTED_OFFSETS 0x3b /* the form of the search table: all linkers write this one */

/* The last entry of .eh_frame_hdr that begins at or before vaddr. */
static bool entry_find(const struct module *m, uint64_t vaddr, struct cursor *c)
{
        uint64_t header = module_unwind_header(m), low = 0, high;
        unsigned frame_form, count_form, table_form;
        struct cursor table;

        if (header == 0 || !cursor_set(&table, m, header) || cfi_take(&table, 1) != 1)
                return false;
        frame_form = (unsigned)cfi_take(&table, 1);
        count_form = (unsigned)cfi_take(&table, 1);
        table_form = (unsigned)cfi_take(&table, 1);
        if (table_form != SORTED_OFFSETS)
                return false;
        take_pointer(&table, frame_form);
        high = take_pointer(&table, count_form);
        if (high > (uint64_t)(table.end - table.at) / 8)
                return false;
        while (low < high) {
                uint64_t middle = low + (high - low) / 2;
                struct cursor at = table;

                cursor_skip(&at, 8 * middle);
                if (header + (uint64_t)take_signed(&at, 4) <= vaddr)
                        low = middle + 1;
                else
                        high = middle;
        }
        if (low == 0)
                return false;
        cursor_skip(&table, 8 * (low - 1) + 4);
        return cursor_set(c, m, header + (uint64_t)take_signed(&table, 4));
}

/* Its length has been read, and it ends there. */
static bool entry_limit(struct cursor *c)
{
        uint64_t length = cfi_take(c, 4);

        cursor_limit(c, length);
        return length != 0 && length != 0xffffffff;
}

/* What there is of it, and in which order, is in the letters. */
static void read_augmentation(struct entry *e, const char *letters, struct cursor c, unsigned *form)
{
        for (; *letters; letters++) {
                if (*letters == 'R')
                        *form = (unsigned)cfi_take(&c, 1);
                else if (*letters == 'P')
                        take_pointer(&c, (unsigned)cfi_take(&c, 1));
                else if (*letters == 'L')
                        cfi_take(&c, 1);
                else if (*letters == 'S')
                        e->is_signal = true;
        }
}

/* form: of pointers in entries that share this. False: it is in no form that is known. */
static bool read_common(struct entry *e, struct cursor c, unsigned *form, bool *has_length)
{
        const char *letters;
        uint64_t version, length;

        *form = 0;
        if (!entry_limit(&c) || cfi_take(&c, 4) != 0)
                return false;
        version = cfi_take(&c, 1);
        letters = (const char *)c.at;
        cursor_skip(&c, strnlen(letters, (size_t)(c.end - c.at)) + 1);
        if ((version != 1 && version != 3) || c.at == c.end)
                return false;
        e->code_unit = cfi_uleb(&c);
        e->data_unit = cfi_sleb(&c);
        e->ra = version == 1 ? cfi_take(&c, 1) : cfi_uleb(&c);
        *has_length = *letters == 'z';
        if (*has_length) {
                length = cfi_uleb(&c);
                read_augmentation(e, letters + 1, c, form);
                cursor_skip(&c, length);
        }
        e->common = c;
        return true;
}

bool cfi_entry(const struct module *m, uint64_t vaddr, struct entry *e)
{
        struct cursor c, common;
        uint64_t at, distance;
        unsigned form;
        bool has_length;

        *e = (struct entry){0};
        if (!entry_find(m, vaddr, &c) || !entry_limit(&c))
                return false;
        at = cursor_vaddr(&c);
        distance = cfi_take(&c, 4);
        if (distance == 0 || !cursor_set(&common, m, at - distance) ||
            !read_common(e, common, &form, &has_length))
                return false;
        e->begin = take_pointer(&c, form);
        e->range = take_pointer(&c, form & 0xf);
        if (has_length)
                cursor_skip(&c, cfi_uleb(&c));
        e->own = c;
        return vaddr - e->begin < e->range;
}

/* ---- a row ---------------------------------------------------------------------------------- */

#define ROWS_KEPT 8u

struct machine {
        const struct entry *entry;
        struct row row, first; /* first: what the common instructions have left */
        struct row kept[ROWS_KEPT];
        unsigned nkept;
        uint64_t vaddr; /* that the row is for, and onwards */
};

/* NULL: a register that is not followed. */
static struct rule *rule_of(struct row *row, const struct entry *e, uint64_t reg)
{
        return reg == e->ra       ? &row->ra
               : reg == REG_OF_FP ? &row->fp
               : reg == REG_OF_SP ? &row->sp
                                  : NULL;
}

static void rule_set(struct machine *m, uint64_t reg, struct rule rule)
{
        struct rule *r = rule_of(&m->row, m->entry, reg);

        if (r)
                *r = rule;
}

static void rule_at(struct machine *m, uint64_t reg, int64_t offset, bool is_value)
{
        rule_set(m, reg,
                 (struct rule){.kind = is_value ? IS_OFFSET : AT_OFFSET,
                               .offset = offset * m->entry->data_unit});
}

static void rule_restore(struct machine *m, uint64_t reg)
{
        struct rule *first = rule_of(&m->first, m->entry, reg);

        if (first)
                rule_set(m, reg, *first);
}

static struct cursor take_expression(struct cursor *c)
{
        uint64_t length = cfi_uleb(c);
        struct cursor expression = *c;

        cursor_limit(&expression, length);
        cursor_skip(c, length);
        return expression;
}

static void cfa_set(struct machine *m, uint64_t reg, int64_t offset)
{
        m->row.cfa_reg = reg;
        m->row.cfa_offset = offset;
        m->row.cfa_is_expression = false;
}

/* The instructions of DW_CFA_ without an operand in their own byte. False: an unknown one. */
static bool run_extended(struct machine *m, struct cursor *c, unsigned op)
{
        const struct entry *e = m->entry;
        uint64_t reg = 0;

        if ((op >= 0x05 && op <= 0x09) || op == 0x0c || op == 0x0d || (op >= 0x10 && op <= 0x12) ||
            (op >= 0x14 && op <= 0x16))
                reg = cfi_uleb(c);
        switch (op) {
        case 0x00: /* nop */
        case 0x2d: /* which signs return addresses on AArch64 */
                return true;
        case 0x02: /* advance_loc1, 2, 4 */
        case 0x03:
        case 0x04:
                m->vaddr += cfi_take(c, 1u << (op - 2)) * e->code_unit;
                return true;
        case 0x05: /* offset_extended */
                rule_at(m, reg, (int64_t)cfi_uleb(c), false);
                return true;
        case 0x06: /* restore_extended */
                rule_restore(m, reg);
                return true;
        case 0x07: /* undefined */
                rule_set(m, reg, (struct rule){.kind = UNKNOWN});
                return true;
        case 0x08: /* same_value */
                rule_set(m, reg, (struct rule){.kind = SAME});
                return true;
        case 0x09: /* register: in one that is not followed */
                cfi_uleb(c);
                rule_set(m, reg, (struct rule){.kind = UNKNOWN});
                return true;
        case 0x0a: /* remember_state */
                if (m->nkept == ROWS_KEPT)
                        return false;
                m->kept[m->nkept++] = m->row;
                return true;
        case 0x0b: /* restore_state */
                if (m->nkept == 0)
                        return false;
                m->row = m->kept[--m->nkept];
                return true;
        case 0x0c: /* def_cfa */
                cfa_set(m, reg, (int64_t)cfi_uleb(c));
                return true;
        case 0x0d: /* def_cfa_register */
                cfa_set(m, reg, m->row.cfa_offset);
                return true;
        case 0x0e: /* def_cfa_offset */
                m->row.cfa_offset = (int64_t)cfi_uleb(c);
                return true;
        case 0x0f: /* def_cfa_expression */
                m->row.cfa_expression = take_expression(c);
                m->row.cfa_is_expression = true;
                return true;
        case 0x10: /* expression, val_expression */
        case 0x16:
                rule_set(m, reg,
                         (struct rule){.kind = op == 0x10 ? AT_EXPRESSION : IS_EXPRESSION,
                                       .expression = take_expression(c)});
                return true;
        case 0x11: /* offset_extended_sf */
                rule_at(m, reg, cfi_sleb(c), false);
                return true;
        case 0x12: /* def_cfa_sf */
                cfa_set(m, reg, cfi_sleb(c) * e->data_unit);
                return true;
        case 0x13: /* def_cfa_offset_sf */
                m->row.cfa_offset = cfi_sleb(c) * e->data_unit;
                return true;
        case 0x14: /* val_offset, val_offset_sf */
        case 0x15:
                rule_at(m, reg, op == 0x14 ? (int64_t)cfi_uleb(c) : cfi_sleb(c), true);
                return true;
        case 0x2e: /* GNU_args_size */
                cfi_uleb(c);
                return true;
        default:
                return false;
        }
}

/* Up to the row for `until`. */
static bool run_instructions(struct machine *m, struct cursor c, uint64_t until)
{
        while (c.at < c.end) {
                unsigned byte = (unsigned)cfi_take(&c, 1), low = byte & 0x3f;
                bool known = true;

                switch (byte & 0xc0) {
                case 0x40: /* advance_loc */
                        m->vaddr += low * m->entry->code_unit;
                        break;
                case 0x80: /* offset */
                        rule_at(m, low, (int64_t)cfi_uleb(&c), false);
                        break;
                case 0xc0: /* restore */
                        rule_restore(m, low);
                        break;
                default:
                        known = run_extended(m, &c, low);
                        break;
                }
                if (!known)
                        return false;
                if (m->vaddr > until)
                        return true;
                /* The row may change until the next advance. */
        }
        return true;
}

bool cfi_row(const struct entry *e, uint64_t vaddr, struct row *row)
{
        struct machine m = {.entry = e, .vaddr = e->begin};

        if (!run_instructions(&m, e->common, UINT64_MAX))
                return false;
        m.first = m.row;
        m.vaddr = e->begin;
        if (!run_instructions(&m, e->own, vaddr))
                return false;
        *row = m.row;
        return true;
}
