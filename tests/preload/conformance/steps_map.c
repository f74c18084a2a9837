/* SPDX-License-Identifier: MIT */
/* steps_map.c - mmap, munmap and touches. */
#include "conformance.h"

#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static const char *const kind_names[] = {"hole", "anon", "shared", "file-private", "file-shared"};

static int any_prot(void)
{
        static const int prots[] = {PROT_READ | PROT_WRITE,
                                    PROT_READ | PROT_WRITE,
                                    PROT_READ | PROT_WRITE,
                                    PROT_READ,
                                    PROT_NONE,
                                    PROT_WRITE,
                                    PROT_READ | PROT_WRITE | PROT_EXEC};

        return prots[below(sizeof(prots) / sizeof(prots[0]))];
}

void step_window(void)
{
        struct window *w;

        if (random_chance(30))
                window_drop(window_any());
        else if ((w = window_new()) && random_chance(70))
                range_fill((struct range){w, 1, w->pages - 2});
}

static enum kind any_kind(void)
{
        return random_chance(55) ? ANON : (enum kind)(SHARED_ANON + below(3));
}

/* With an address that is only a wish; what the kernel gives elsewhere is given back. */
static void map_by_hint(struct range r)
{
        bool free = range_is_all(r, HOLE);
        char *addr;

        if (!free)
                windows_plug();
        addr = mmap(range_addr(r), range_size(r), PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        say_address(addr, range_addr(r), "mmap hint %s", range_name(r));
        if (addr == range_addr(r)) {
                range_set(r, ANON, PROT_READ | PROT_WRITE, 0);
                range_expect_new(r);
                range_fill(r);
        } else if (addr != MAP_FAILED) {
                memset(addr, 1, range_size(r));
                say_result(munmap(addr, range_size(r)), "munmap elsewhere");
        }
}

void step_map(void)
{
        struct range r = range_any(window_any(), WINDOW_PAGES);
        enum kind kind = any_kind();
        int prot = any_prot(), file_page = (int)below(FILE_PAGES), flags = 0;
        bool file = kind == FILE_PRIVATE || kind == FILE_SHARED;
        char *addr;

        if (random_chance(15)) {
                map_by_hint(r);
                return;
        }
        flags |= kind == ANON || kind == FILE_PRIVATE ? MAP_PRIVATE : MAP_SHARED;
        flags |= file ? 0 : MAP_ANONYMOUS;
        flags |= random_chance(15) ? MAP_POPULATE : 0;
        flags |= random_chance(20) ? MAP_NORESERVE : 0;
        flags |= random_chance(25) ? MAP_FIXED_NOREPLACE : MAP_FIXED;
        addr = mmap(range_addr(r), range_size(r) - below(PAGE), prot, flags, file ? state.file : -1,
                    file ? (off_t)file_page * (off_t)PAGE : 0);
        say_address(addr, range_addr(r), "mmap %s %s %s%s%s%s page %d", range_name(r),
                    kind_names[kind], prot_name(prot), flags & MAP_POPULATE ? " populate" : "",
                    flags & MAP_NORESERVE ? " noreserve" : "",
                    flags & MAP_FIXED ? " fixed" : " noreplace", file ? file_page : 0);
        if (addr == range_addr(r)) {
                range_set(r, kind, prot, file_page);
                if (kind == ANON)
                        range_expect_new(r);
                else
                        range_sum(r);
        } else if (addr != MAP_FAILED) {
                munmap(addr, range_size(r));
        }
        if (random_chance(50))
                range_fill(r);
}

void step_map_wrongly(void)
{
        const int rw = PROT_READ | PROT_WRITE, anon = MAP_PRIVATE | MAP_ANONYMOUS;
        struct range r = range_any(window_any(), 8);
        char *at = range_addr(r);
        size_t size = range_size(r);

        windows_plug();
        say_address(mmap(at, 0, rw, anon | MAP_FIXED, -1, 0), at, "mmap of nothing");
        say_address(mmap(at + 1, size, rw, anon | MAP_FIXED, -1, 0), at, "mmap misaligned");
        say_address(mmap(at, size, rw, MAP_ANONYMOUS | MAP_FIXED, -1, 0), at, "mmap of no type");
        say_address(mmap(at, size, rw, MAP_PRIVATE | MAP_FIXED, -1, 0), at, "mmap of no file");
        say_address(mmap(at, size, rw, MAP_PRIVATE | MAP_FIXED, state.file, 1), at,
                    "mmap with an odd offset");
        say_address(mmap(at, size, rw, MAP_SHARED | MAP_FIXED, state.file_readonly, 0), at,
                    "mmap without permission");
        say_address(mmap(NULL, (size_t)1 << 62, rw, anon | MAP_NORESERVE, -1, 0), at,
                    "mmap of too much");
        say_address(mmap(NULL, SIZE_MAX - 1, rw, anon, -1, 0), at, "mmap of everything");
        say_address(mmap((void *)((uintptr_t)1 << 60), size, rw, anon | MAP_FIXED, -1, 0), at,
                    "mmap of no address");
        say_address(mmap(at, size, rw, anon | MAP_FIXED_NOREPLACE, -1, 0), at, "mmap again");
        say_result(munmap(at + 1, size), "munmap misaligned");
        say_result(munmap(at, 0), "munmap of nothing");
        say_result(munmap(at, (size_t)-1), "munmap of everything");
        range_sum(r);
}

void step_unmap(void)
{
        struct range r = range_any(window_any(), random_chance(20) ? WINDOW_PAGES : 24);

        say_result(munmap(range_addr(r), range_size(r) - below(PAGE)), "munmap %s", range_name(r));
        range_set(r, HOLE, 0, 0);
        range_sum((struct range){r.window, 1, r.window->pages - 2});
}

/* ---- touches -------------------------------------------------------------------------------- */

static void read_byte(void *arg)
{
        (void)*(volatile char *)arg;
}

static void write_byte(void *arg)
{
        *(volatile char *)arg = 0x5a;
}

/* Single bytes anywhere, also where there is nothing and where it is not permitted. */
void step_touch(void)
{
        struct window *w = window_any();

        for (unsigned i = 0; i < 8; i++) {
                struct range r = {w, below(w->pages), 1};
                unsigned offset = below(PAGE);
                bool write = random_chance(50);
                char *at = NULL, *addr = range_addr(r) + offset;
                int signal = fault_of(write ? write_byte : read_byte, addr, &at);

                if (signal)
                        say("%s %s raises %s%s", write ? "write" : "read", range_name(r),
                            sigabbrev_np(signal), at == addr ? "" : " at another address");
                else if (r.first > 0 && r.first < w->pages - 1 && page_readable(range_page(r, 0)))
                        say("%s %s finds %d", write ? "write" : "read", range_name(r), *addr);
                else
                        say("%s %s should have failed", write ? "write" : "read", range_name(r));
        }
}

void step_fill(void)
{
        struct range r = range_any(window_any(), WINDOW_PAGES);

        range_fill(r);
        say("fill %s", range_name(r));
        range_sum(range_any(window_any(), WINDOW_PAGES));
}
