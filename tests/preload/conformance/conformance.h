/* SPDX-License-Identifier: MIT */
/*
 * conformance.h - the parts of the conformance program.
 *
 * It makes a random sequence of address-space calls from a seed and logs what each of them answered
 * and what the memory holds then. Nobody here knows what is right: the log of the plain run is, and
 * a run under the preload has to write the same. So nothing may be logged, or done, that depends on
 * where the kernel puts a mapping:
 *
 * - Memory lies in windows whose outer two pages are inaccessible for as long as the window lives:
 *   what lies next to a window is never met, nor merged with. Addresses are logged as
 *   window+page*pages.
 * - Before any call that lets the kernel choose an address (mmap without one, malloc, a remap that
 *   may move) all holes inside windows are plugged, so that it cannot choose them.
 * - Whether two neighbouring mappings count as one differs with their history. Pages carry the
 *   number of the call that made them what they are, and only ranges of one number are remapped.
 *
 * Each window remembers about its pages only what it takes to choose well: a wrong memory makes for
 * a duller sequence, not for a false result.
 */
#ifndef CONFORMANCE_H
#define CONFORMANCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>

#define PAGE         ((size_t)4096)
#define WINDOWS      12u
#define WINDOW_PAGES 192u
#define FILE_PAGES   48 /* of the file that is mapped */

enum kind { HOLE, ANON, SHARED_ANON, FILE_PRIVATE, FILE_SHARED };
enum { LOCKED = 1, DONTFORK = 2, WIPEONFORK = 4 };

struct page {
        uint8_t kind, prot, flags;
        int32_t file_page; /* of the mapped file; from FILE_PAGES on an access is SIGBUS */
        uint32_t id;       /* of the call that made it what it is */
};

struct window {
        char *base; /* NULL: there is none now */
        unsigned pages;
        struct page page[WINDOW_PAGES];
};

struct range {
        struct window *window;
        unsigned first, pages;
};

struct state {
        uint64_t random;
        unsigned step, steps;
        char label[48];        /* of this process: "0", its second child "0.2" */
        unsigned forks, depth; /* parents that wait for this process */
        unsigned replaced;     /* parents that have ended */
        size_t pressure;       /* bytes */
        struct window windows[WINDOWS];
        uint32_t last_id;
        int file, file_readonly, scratch;
};

extern struct state state;

/* ---- log.c: what is said, and touches that may fail ---------------------------------------- */

void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Logs the text with " = 0", the number, or the name of errno for -1. */
void say_result(long result, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The same for calls that return an address: "there" if it is `expected`, "elsewhere", or errno. */
void say_address(const void *result, const void *expected, const char *format, ...)
        __attribute__((format(printf, 3, 4)));
const char *prot_name(int prot);
const char *range_name(struct range r);
__attribute__((noreturn)) void give_up(const char *what);

void faults_catch(void);
/* Runs body(arg). 0, or the signal that an access in it raised; *at is the address then. */
int fault_of(void (*body)(void *arg), void *arg, char **at);

/* ---- random.c ------------------------------------------------------------------------------- */

unsigned below(unsigned n);
bool random_chance(unsigned percent);
void random_fill(void *addr, size_t size, uint64_t key);
uint64_t checksum(const void *addr, size_t size, uint64_t sum);

/* ---- windows.c ------------------------------------------------------------------------------ */

void windows_plug(void);
struct window *window_any(void); /* one that exists; makes the first */
struct window *window_new(void); /* NULL: there are enough */
void window_drop(struct window *w);
/* Any pages of the window but the outer two; at most `max` of them. */
struct range range_any(struct window *w, unsigned max);
/* Pages of one call and no hole. pages == 0: the window has none. */
struct range range_single(struct window *w, unsigned max);
char *range_addr(struct range r);
size_t range_size(struct range r);
struct page *range_page(struct range r, unsigned i);
bool range_has(struct range r, enum kind kind);
bool range_is_all(struct range r, enum kind kind);
unsigned range_until_hole(struct range r);
unsigned range_flagged(struct range r, unsigned flag);
/* Makes the pages those of a new mapping. */
void range_set(struct range r, enum kind kind, int prot, int file_page);
/* The first pages of the range have been changed by a call of their own. */
void range_renumber(struct range r, unsigned pages);
bool page_readable(const struct page *page);
bool page_writable(const struct page *page);

void range_fill(struct range r);
void range_sum(struct range r); /* logs a checksum of what can be read */
/* Logs every page that can be read and has content. */
void range_expect_new(struct range r);
void windows_sum(void); /* logs one of everything */

/* ---- the steps ------------------------------------------------------------------------------ */

void step_window(void);
void step_map(void);
void step_map_wrongly(void);
void step_unmap(void);
void step_touch(void);
void step_fill(void);

void step_grow(void);
void step_shrink(void);
void step_move(void);
void step_move_anywhere(void);
void step_move_keep(void);
void step_move_wrongly(void);

void step_protect(void);
void step_advise(void);
void step_advise_free(void);
void step_advise_wrongly(void);
void step_lock(void);
void step_ask(void);

void step_brk(void);
void step_malloc(void);
void step_malloc_wrongly(void);
void step_pressure(void);
void step_giant(void);
void heap_start(void);
void heap_sum(void);

void step_input(void);
void step_output(void);
void step_pipe(void);

void step_fork(void);
void steps_run(unsigned steps);

#endif
