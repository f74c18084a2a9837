/* SPDX-License-Identifier: MIT */
/* steps_heap.c - brk, malloc, and memory in such amounts that everything else has to leave. */
#include "conformance.h"
#include "bench_util.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BLOCKS     40u
#define BREAK_MAX  (512u << 10)
#define GIANT      ((size_t)64 << 30)
#define GIANT_PART ((size_t)1 << 30)
#define PARTS      (unsigned)(GIANT / GIANT_PART)
#define TOUCHED    64u

static struct {
        unsigned char *addr;
        size_t size;
} blocks[BLOCKS];

static char *break_start;
static size_t break_size;

static unsigned char *hog;
static uint64_t hog_key;

static char *giant;
static bool giant_writable[PARTS];
static size_t giant_touched[TOUCHED]; /* offsets; 0: none */

/* ---- brk ------------------------------------------------------------------------------------ */

/*
 * glibc's malloc takes from the same break. Told to take plenty with its first block, and never to
 * give it back, it leaves the break alone from then on.
 */
void heap_start(void)
{
        mallopt(M_TOP_PAD, 64 << 20);
        mallopt(M_TRIM_THRESHOLD, 1 << 30);
        mallopt(M_MMAP_THRESHOLD, 256 << 10);
        free(malloc(1));
        break_start = sbrk(0);
        if (break_start == (char *)-1)
                give_up("sbrk");
}

void step_brk(void)
{
        size_t size = below(BREAK_MAX);
        char *end;

        if (random_chance(10)) {
                say_result(brk((void *)((uintptr_t)1 << 60)), "brk beyond everything");
                say_result(sbrk((intptr_t)1 << 60) == (void *)-1 ? -1 : 0, "sbrk too much");
        }
        if (random_chance(50)) {
                end = sbrk((intptr_t)size - (intptr_t)break_size);
                say_result(end - break_start, "sbrk from %zu to %zu", break_size, size);
        } else {
                say_result(brk(break_start + size), "brk from %zu to %zu", break_size, size);
        }
        say_result((char *)sbrk(0) - break_start, "sbrk(0)");
        if (size > break_size)
                say("  new %016lx", checksum(break_start + break_size, size - break_size, 0));
        break_size = size;
        say("  break %016lx", checksum(break_start, break_size, 0));
        random_fill(break_start, break_size, random_next(&state.random));
}

/* ---- malloc --------------------------------------------------------------------------------- */

static size_t any_size(void)
{
        switch (below(8)) {
        case 0:
                return below(1u << 20);
        case 1:
                return 1u << (3 + below(17));
        case 2:
        case 3:
                return below(20000);
        default:
                return below(600);
        }
}

static bool is_zero(const unsigned char *addr, size_t size)
{
        for (size_t i = 0; i < size; i++)
                if (addr[i])
                        return false;
        return true;
}

static void block_new(unsigned i)
{
        size_t size = any_size(), align = (size_t)8 << below(12);
        const char *how = "malloc";
        void *addr = NULL;
        int error = 0;

        switch (below(4)) {
        case 0:
                how = "calloc";
                addr = calloc(size / 24 + 1, 24);
                size = (size / 24 + 1) * 24;
                say("  zero %d", is_zero(addr, size));
                break;
        case 1:
                how = "posix_memalign";
                error = posix_memalign(&addr, align, size);
                say("  aligned %d", (uintptr_t)addr % align == 0);
                break;
        default:
                addr = malloc(size);
                say("  aligned %d", (uintptr_t)addr % (size < 16 ? 8 : 16) == 0);
        }
        blocks[i].addr = addr;
        blocks[i].size = size;
        say_result(addr ? error : -1, "%s %u of %zu, usable %d", how, i, size,
                   malloc_usable_size(addr) >= size);
}

static void block_resize(unsigned i)
{
        size_t size = any_size() + 1, kept = size < blocks[i].size ? size : blocks[i].size;
        unsigned char *addr = realloc(blocks[i].addr, size);

        say_result(addr ? 0 : -1, "realloc %u from %zu to %zu", i, blocks[i].size, size);
        if (!addr)
                give_up("realloc");
        say("  kept %016lx", checksum(addr, kept, 0));
        blocks[i].addr = addr;
        blocks[i].size = size;
}

void step_malloc(void)
{
        windows_plug();
        for (unsigned times = 0; times < 4; times++) {
                unsigned i = below(BLOCKS);

                if (!blocks[i].addr) {
                        block_new(i);
                } else {
                        say("block %u %016lx", i, checksum(blocks[i].addr, blocks[i].size, 0));
                        if (random_chance(40)) {
                                block_resize(i);
                        } else {
                                free(blocks[i].addr);
                                blocks[i].addr = NULL;
                                continue;
                        }
                }
                random_fill(blocks[i].addr, blocks[i].size, random_next(&state.random));
        }
}

void step_malloc_wrongly(void)
{
        volatile size_t huge = SIZE_MAX / 2 + 5; /* volatile: the compiler knows better */
        void *addr = NULL;

        windows_plug();
        say_result(malloc(huge) ? 0 : -1, "malloc of too much");
        say_result(calloc(huge, 4) ? 0 : -1, "calloc that overflows");
        say_result(realloc(malloc(10), huge) ? 0 : -1, "realloc to too much");
        say_result(reallocarray(malloc(10), huge, 4) ? 0 : -1, "reallocarray that overflows");
        say("posix_memalign by 24: %d", posix_memalign(&addr, 24, 8));
        say("posix_memalign by 4: %d", posix_memalign(&addr, 4, 8));
        free(addr = malloc(0));
        say("malloc of nothing: %d", addr != NULL);
        addr = malloc(100);
        errno = 0;
        free(addr);
        say_result(0, "free, errno %d", errno);
        addr = realloc(malloc(100), 0 * huge);
        say("realloc to nothing: %d", addr != NULL);
        free(NULL);
}

/* ---- pressure ------------------------------------------------------------------------------- */

void step_pressure(void)
{
        if (state.pressure == 0)
                return;
        windows_plug();
        if (hog && random_chance(20)) {
                say_result(munmap(hog, state.pressure), "hog %016lx, munmap",
                           checksum(hog, state.pressure, 0));
                hog = NULL;
                return;
        }
        if (!hog) {
                hog = mmap(NULL, state.pressure, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
                if (hog == MAP_FAILED)
                        give_up("mmap");
        }
        say("hog %016lx", checksum(hog, state.pressure, 0));
        hog_key = random_next(&state.random);
        for (size_t i = 0; i < state.pressure; i += PAGE)
                random_fill(hog + i, PAGE, hog_key + i / PAGE);
}

/* ---- giants --------------------------------------------------------------------------------- */

static void giant_sum(void)
{
        uint64_t sum = 0;

        for (unsigned i = 0; i < TOUCHED; i++)
                if (giant_touched[i] && giant_writable[giant_touched[i] / GIANT_PART])
                        sum = checksum(giant + giant_touched[i], PAGE, sum);
        say("  giant %016lx", sum);
}

static void giant_new(void)
{
        bool writable = random_chance(50);

        windows_plug();
        giant = mmap(NULL, GIANT, writable ? PROT_READ | PROT_WRITE : PROT_NONE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        say_result(giant == MAP_FAILED ? -1 : 0, "giant %s", writable ? "rw-" : "---");
        if (giant == MAP_FAILED)
                giant = NULL;
        memset(giant_touched, 0, sizeof(giant_touched));
        for (unsigned i = 0; i < PARTS; i++)
                giant_writable[i] = writable;
}

/* Protects, forgets or replaces some whole parts. */
static void giant_change(void)
{
        unsigned first = below(PARTS), n = 1 + below(PARTS - first);
        char *at = giant + first * GIANT_PART;
        size_t size = n * GIANT_PART;
        unsigned how = below(4);
        bool writable = random_chance(80);
        int prot = writable ? PROT_READ | PROT_WRITE : PROT_NONE;

        if (how == 0) {
                say_result(madvise(at, size, MADV_DONTNEED), "giant dontneed %u*%u", first, n);
                return;
        }
        if (how == 1) {
                void *again = mmap(at, size, prot,
                                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);

                say_address(again, at, "giant mmap %u*%u %s", first, n, prot_name(prot));
        } else {
                say_result(mprotect(at, size, prot), "giant mprotect %u*%u %s", first, n,
                           prot_name(prot));
        }
        for (unsigned i = first; i < first + n; i++)
                giant_writable[i] = writable;
}

void step_giant(void)
{
        if (!giant) {
                giant_new();
                return;
        }
        if (random_chance(10)) {
                giant_sum();
                say_result(munmap(giant, GIANT), "giant munmap");
                giant = NULL;
                return;
        }
        if (random_chance(50))
                giant_change();
        for (unsigned i = 0; i < 6; i++) {
                size_t page = 1 + random_next(&state.random) % (GIANT / PAGE - 1);
                unsigned slot = below(TOUCHED);

                if (random_chance(30))
                        page = giant_touched[below(TOUCHED)] / PAGE;
                if (page && giant_writable[page * PAGE / GIANT_PART]) {
                        giant_touched[slot] = page * PAGE;
                        random_fill(giant + page * PAGE, PAGE, page);
                }
        }
        giant_sum();
}

void heap_sum(void)
{
        say("break %016lx", checksum(break_start, break_size, 0));
        for (unsigned i = 0; i < BLOCKS; i++)
                if (blocks[i].addr)
                        say("block %u %016lx", i, checksum(blocks[i].addr, blocks[i].size, 0));
        if (hog)
                say("hog %016lx", checksum(hog, state.pressure, 0));
        if (giant)
                giant_sum();
}
