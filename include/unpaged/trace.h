/* SPDX-License-Identifier: MIT */
/*
 * trace.h - for tools: the format of a trace, the record of what happened to a pool's pages; and
 * one implementation of it, for whoever writes traces or reads them.
 *
 * A trace is a header and then events, to the end of the file. All numbers are little endian.
 *
 * Header, PG_TRACE_HEADER_SIZE bytes:
 *
 *    at  bytes
 *     0      8  "UNPAGEDt"
 *     8      2  version: 1
 *    10      2  where the events begin: 96; more if members are appended, which older readers skip
 *    12      4  page size in bytes
 *    16      4  frames of the pool when the trace began; 0: there was no pool
 *    20      1  percent of the frames that the victim queue may hold
 *    21      1  flags, PG_TRACE_EVERY_ACCESS | PG_TRACE_STRICT
 *    22      2  errno that ended the trace before its time (28: the disk was full); 0: none
 *    24     16  name of the policy, padded with zeros
 *    40     48  what it is a trace of, in words, padded with zeros: a program, or a generator
 *    88      8  zeros
 *
 * An event is one byte, or more:
 *
 *    bits 0 to 3  what happened, enum pg_trace_kind
 *    bit 4        the page is modified: came in, or became, modified; was modified when it left
 *    bits 5 to 7  how its page is told: 0: it follows the page of the event before it;
 *                 1 to 6: by so many bytes that follow, 7: by eight bytes
 *
 * These bytes are the difference to the page of the event before, (page - before), zigzag-coded: 0
 * for 0, 1 for -1, 2 for 1, 3 for -2 ... The event before is the last of the same direction:
 * those up to PG_TRACE_WRITTEN are about pages in use, the others about pages that go; so two
 * streams that are far apart cost a byte an event, and random pages in 4 GiB of memory four. Both
 * directions start from page 0. Then, where the table of kinds says so, one or two numbers of 1 to
 * 10 bytes, seven bits in each, the lowest first, with the bit 0x80 in all but the last.
 *
 * An event has from 1 to PG_TRACE_EVENT_MAX bytes. The coding of an event depends on those
 * before it, but not on what is lost: a gap is an event, too.
 *
 * A page is the 64-bit key that policies get, in all its life the same: in a pool its address
 * divided by the page size. Where a page's content is dropped (PG_TRACE_FORGOTTEN) its life ends,
 * and the next event about it is a first touch.
 *
 * Order. A pool's events are in the order in which its policy learned of them; those of one page
 * are always in order.
 *
 * What a recorded trace has not: touches of pages that are mapped, which nobody sees. A generated
 * or an imported one has them all, each as PG_TRACE_ACCESS, and says so in its flags.
 *
 * As text (`unpaged trace export --text`) a trace is a line for each member of the header,
 *
 *    #page-size 4096
 *    #frames 64
 *    #queue 20
 *    #flags strict            or every-access; both with a comma; or none
 *    #error 0
 *    #policy sieve
 *    #origin sort -n
 *
 * and then one for each event: its name (in the table of kinds), the page in hexadecimal, `dirty`
 * if it is modified, and the numbers in decimal, but for a page, which again is hexadecimal.
 * Empty lines and other lines that begin with # mean nothing. Members of the header may be absent.
 *
 * All functions are pure: any thread, any signal handler.
 */
#ifndef UNPAGED_TRACE_H
#define UNPAGED_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PG_TRACE_MAGIC       "UNPAGEDt"
#define PG_TRACE_VERSION     1u
#define PG_TRACE_HEADER_SIZE 96u
#define PG_TRACE_EVENT_MAX   29u

#define PG_TRACE_EVERY_ACCESS (1u << 0) /* every touch of a page is in it */
#define PG_TRACE_STRICT       (1u << 1) /* of a pool with PG_POOL_STRICT */

/* What happened, its name in text, and the numbers that follow. */
enum pg_trace_kind {
        PG_TRACE_ACCESS,   /* access: a touch, in traces that have all of them; modified: a write */
        PG_TRACE_FAULT,    /* fault: came in because it was touched, or asked for; modified: it
                             * counts as such from then on: it was touched to write, or always is */
        PG_TRACE_AHEAD,    /* ahead: came in, read ahead; modified: likewise */
        PG_TRACE_RESCUED,  /* rescued: touched in the victim queue; modified: likewise */
        PG_TRACE_WRITTEN,  /* written: first write to a page that was not modified */
        PG_TRACE_QUEUED,   /* queued: unmapped, into the victim queue, its frame kept */
        PG_TRACE_LEFT,     /* left: gave up its frame; modified: it had to be saved */
        PG_TRACE_RETURNED, /* returned: taken out of the program, or of the victim queue, and given
                             * back without a touch: it was synced, or its store refused it */
        PG_TRACE_FORGOTTEN, /* forgotten COUNT: the content of COUNT pages from this one on was
                             * dropped (unmapped, discarded), wherever it was */
        PG_TRACE_MOVED,     /* moved COUNT PAGE: COUNT pages from this one on, resident or not, now
                             * have the keys from PAGE on; coded as the zigzag of the distance */
        PG_TRACE_GAP,       /* gap COUNT: so many events were lost here; no page */
        PG_TRACE_TIME,      /* time COUNT: microseconds passed since the last one, or since the
                             * beginning, as a clock tells that ticks every few ms; no page */
        PG_TRACE_FRAMES,    /* frames COUNT: the pool has so many frames now; no page */
        PG_TRACE_END,       /* end COUNT: the trace is whole, and recorded COUNT events besides
                             * time and itself; no page. A file without ends before its time */
        PG_TRACE_KINDS
};

struct pg_trace_event {
        uint64_t page;
        uint64_t count; /* where the kind has it; else 1 for kinds with a page */
        uint64_t to;    /* PG_TRACE_MOVED: the PAGE */
        enum pg_trace_kind kind;
        bool dirty; /* the page is modified */
};

/* What the coding of an event depends on. All zeros before the first. */
struct pg_trace_coder {
        uint64_t last[2];
};

struct pg_trace_header {
        uint32_t page_size;
        uint32_t frames;
        unsigned queue_pct;
        unsigned flags; /* PG_TRACE_* */
        unsigned error;
        char policy[17]; /* ends with a zero, as below */
        char origin[49];
};

/* ---- events ------------------------------------------------------------------------------- */

static inline bool pg_trace_has_page(enum pg_trace_kind kind)
{
        return kind <= PG_TRACE_MOVED;
}

static inline bool pg_trace_has_count(enum pg_trace_kind kind)
{
        return kind >= PG_TRACE_FORGOTTEN;
}

static inline uint64_t pg_trace_zigzag(uint64_t difference)
{
        return difference << 1 ^ (0 - (difference >> 63));
}

static inline uint64_t pg_trace_unzigzag(uint64_t coded)
{
        return coded >> 1 ^ (0 - (coded & 1));
}

static inline size_t pg_trace_put_number(unsigned char *out, uint64_t number)
{
        size_t n = 0;

        for (; number > 0x7f; number >>= 7)
                out[n++] = (unsigned char)(number | 0x80);
        out[n++] = (unsigned char)number;
        return n;
}

/* Codes an event; out has room for PG_TRACE_EVENT_MAX bytes. Returns how many it takes. */
static inline size_t pg_trace_encode(struct pg_trace_coder *coder,
                                     const struct pg_trace_event *event, unsigned char *out)
{
        size_t n = 1;
        unsigned width = 0;

        if (pg_trace_has_page(event->kind)) {
                uint64_t *last = &coder->last[event->kind > PG_TRACE_WRITTEN];
                uint64_t coded = pg_trace_zigzag(event->page - *last);

                if (event->page != *last + 1) {
                        do {
                                out[n++] = (unsigned char)coded;
                                coded >>= 8;
                                width++;
                        } while (coded != 0 || width == 7);
                }
                *last = event->page;
        }
        out[0] = (unsigned char)((unsigned)event->kind | (event->dirty ? 0x10u : 0) |
                                 (width > 6 ? 7u : width) << 5);
        if (pg_trace_has_count(event->kind))
                n += pg_trace_put_number(out + n, event->count);
        if (event->kind == PG_TRACE_MOVED)
                n += pg_trace_put_number(out + n, pg_trace_zigzag(event->to - event->page));
        return n;
}

/* Where in[] ends inside the number, *at goes beyond size; -1: it is too large. */
static inline int pg_trace_get_number(const unsigned char *in, size_t size, size_t *at,
                                      uint64_t *number)
{
        *number = 0;
        for (unsigned shift = 0; shift < 64; shift += 7) {
                size_t i = (*at)++;

                if (i >= size)
                        return 0;
                if (shift == 63 && in[i] > 1)
                        return -1;
                *number |= (uint64_t)(in[i] & 0x7f) << shift;
                if (in[i] < 0x80)
                        return 0;
        }
        return -1;
}

/*
 * Reads the event at the beginning of in[]. Returns the bytes it takes; 0: in[] ends inside it, and
 * nothing has changed; -1: no event begins like this, the trace is damaged.
 */
static inline int pg_trace_decode(struct pg_trace_coder *coder, struct pg_trace_event *event,
                                  const unsigned char *in, size_t size)
{
        struct pg_trace_event e = {0, 1, 0, PG_TRACE_ACCESS, false};
        uint64_t distance = 0, coded = 0;
        unsigned width;
        size_t at = 1;

        if (size == 0)
                return 0;
        width = in[0] >> 5 == 7 ? 8 : in[0] >> 5;
        e.dirty = (in[0] & 0x10) != 0;
        if ((in[0] & 0xf) >= PG_TRACE_KINDS)
                return -1;
        e.kind = (enum pg_trace_kind)(in[0] & 0xf);
        if (!pg_trace_has_page(e.kind) && width > 0)
                return -1;
        if (size < at + width)
                return 0;
        for (unsigned i = 0; i < width; i++)
                coded |= (uint64_t)in[at++] << 8 * i;
        if (pg_trace_has_page(e.kind))
                e.page = coder->last[e.kind > PG_TRACE_WRITTEN] +
                         (width == 0 ? 1 : pg_trace_unzigzag(coded));
        if (pg_trace_has_count(e.kind) && pg_trace_get_number(in, size, &at, &e.count) != 0)
                return -1;
        if (e.kind == PG_TRACE_MOVED && pg_trace_get_number(in, size, &at, &distance) != 0)
                return -1;
        if (at > size)
                return 0;
        if (e.kind == PG_TRACE_MOVED)
                e.to = e.page + pg_trace_unzigzag(distance);
        if (pg_trace_has_page(e.kind))
                coder->last[e.kind > PG_TRACE_WRITTEN] = e.page;
        *event = e;
        return (int)at;
}

/* ---- the header --------------------------------------------------------------------------- */

static inline void pg_trace_put(unsigned char *out, unsigned bytes, uint64_t number)
{
        for (unsigned i = 0; i < bytes; i++)
                out[i] = (unsigned char)(number >> 8 * i);
}

static inline uint64_t pg_trace_get(const unsigned char *in, unsigned bytes)
{
        uint64_t number = 0;

        for (unsigned i = 0; i < bytes; i++)
                number |= (uint64_t)in[i] << 8 * i;
        return number;
}

/* Where the errno that ends a trace early is to be written. */
#define PG_TRACE_ERROR_AT 22u

static inline void pg_trace_header_encode(const struct pg_trace_header *header,
                                          unsigned char out[PG_TRACE_HEADER_SIZE])
{
        memset(out, 0, PG_TRACE_HEADER_SIZE);
        memcpy(out, PG_TRACE_MAGIC, 8);
        pg_trace_put(out + 8, 2, PG_TRACE_VERSION);
        pg_trace_put(out + 10, 2, PG_TRACE_HEADER_SIZE);
        pg_trace_put(out + 12, 4, header->page_size);
        pg_trace_put(out + 16, 4, header->frames);
        pg_trace_put(out + 20, 1, header->queue_pct);
        pg_trace_put(out + 21, 1, header->flags);
        pg_trace_put(out + PG_TRACE_ERROR_AT, 2, header->error);
        for (unsigned i = 0; i < 16 && header->policy[i]; i++)
                out[24 + i] = (unsigned char)header->policy[i];
        for (unsigned i = 0; i < 48 && header->origin[i]; i++)
                out[40 + i] = (unsigned char)header->origin[i];
}

/*
 * Reads a header of PG_TRACE_HEADER_SIZE bytes. Returns where in the file the events begin; -1: it
 * is no trace; -2: of a version that is not known here.
 */
static inline int pg_trace_header_decode(struct pg_trace_header *header, const unsigned char *in)
{
        memset(header, 0, sizeof(*header));
        if (memcmp(in, PG_TRACE_MAGIC, 8) != 0)
                return -1;
        if (pg_trace_get(in + 8, 2) != PG_TRACE_VERSION)
                return -2;
        header->page_size = (uint32_t)pg_trace_get(in + 12, 4);
        header->frames = (uint32_t)pg_trace_get(in + 16, 4);
        header->queue_pct = in[20];
        header->flags = in[21];
        header->error = (unsigned)pg_trace_get(in + PG_TRACE_ERROR_AT, 2);
        memcpy(header->policy, in + 24, 16);
        memcpy(header->origin, in + 40, 48);
        if (header->page_size == 0 || pg_trace_get(in + 10, 2) < PG_TRACE_HEADER_SIZE)
                return -1;
        return (int)pg_trace_get(in + 10, 2);
}

#ifdef __cplusplus
}
#endif

#endif
