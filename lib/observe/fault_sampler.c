/* SPDX-License-Identifier: MIT */
/*
 * fault_sampler.c - where in the program one fault in N comes from: registers, and a copy of the
 * top of the stack. They are made into functions later, when the process has time (in
 * lib/preload/unwind.c): the fault path only copies.
 *
 * In signal delivery the registers are those of the signal. In thread delivery another thread has
 * to ask for them. /proc/self/task/TID/syscall has the stack pointer and the program counter of a
 * thread that is blocked, in a page fault as well as in a system call; the frame pointer it has not.
 * lib/DECISIONS.md compares that with perf events, and with a signal to the thread.
 *
 * The stack may itself be paged, and lie in a page that is out. So it is read by /proc/self/mem,
 * which fails there instead of waiting; the copy ends where it fails.
 *
 * Which faults: the distance from one to the next is random, from 1 to 2N - 1. A fixed one would
 * meet the same function of a loop again and again. The table has a fixed size. Of more samples it
 * keeps a random choice (a reservoir: the k-th takes the place of one of those that are kept with
 * the probability SAMPLES_MOST / k), so it stands for all of the run at any time.
 *
 * There are no locks. A slot of the table has the number of a buffer; buffers that are in no slot
 * are in `spares`, or belong to the thread that took them from there. Slots and spares change by
 * exchange only, so a buffer has one owner at a time. Each thread that takes a spare gives one
 * back: its own, or the one that its own has replaced. So there is room when it comes.
 */
#include "fault_sampler.h"
#include "arena.h"
#include "futex_lock.h"
#include "kernel_page.h"
#include "uffd.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

#define FILLED 0x8000u /* in a slot, beside the number of its buffer: it has a sample */
_Static_assert(SAMPLE_BUFFERS < FILLED, "a slot is 16 bits");

struct sampler_table {
        _Atomic uint16_t slots[SAMPLES_MOST];
        _Atomic uint16_t spares[SAMPLE_SPARES]; /* 0: taken */
        struct pg_fault_sample buffers[SAMPLE_BUFFERS];
};

#define STACKS_BYTES (SAMPLE_BUFFERS * SAMPLE_STACK)

/* ---- the table ------------------------------------------------------------------------------ */

/* splitmix64 of a counter: any thread may ask. */
static uint64_t sampler_random(struct fault_sampler *s)
{
        uint64_t x =
                atomic_fetch_add_explicit(&s->random, 0x9e3779b97f4a7c15u, memory_order_relaxed);

        x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
        x = (x ^ x >> 27) * 0x94d049bb133111ebu;
        return x ^ x >> 31;
}

static void plan_next(struct fault_sampler *s)
{
        uint64_t distance = 1 + sampler_random(s) % (2 * (uint64_t)s->every - 1);

        atomic_fetch_add_explicit(&s->until_next, (int64_t)distance, memory_order_relaxed);
}

static unsigned spare_take(struct sampler_table *t)
{
        unsigned buffer = 0;

        for (unsigned i = 0; i < SAMPLE_SPARES && buffer == 0; i++)
                buffer = atomic_exchange(&t->spares[i], 0);
        return buffer;
}

static void spare_give(struct sampler_table *t, unsigned buffer)
{
        for (unsigned i = 0;; i = (i + 1) % SAMPLE_SPARES) {
                uint16_t none = 0;

                if (atomic_compare_exchange_strong(&t->spares[i], &none, (uint16_t)buffer))
                        return;
        }
}

void fault_sampler_restart(struct fault_sampler *s)
{
        struct sampler_table *t = s->table;

        if (!t)
                return;
        arena_forget(s->stacks, STACKS_BYTES);
        for (unsigned i = 0; i < SAMPLES_MOST; i++)
                atomic_store(&t->slots[i], (uint16_t)(1 + SAMPLE_SPARES + i));
        for (unsigned i = 0; i < SAMPLE_SPARES; i++)
                atomic_store(&t->spares[i], (uint16_t)(1 + i));
        atomic_store(&s->kept, 0);
        atomic_store(&s->random, clock_now());
        atomic_store(&s->until_next, 0);
        plan_next(s);
}

int fault_sampler_init(struct fault_sampler *s, uint32_t every)
{
        if (every == 0)
                return 0;
        s->table = arena_reserve(sizeof(*s->table), "unpaged-samples");
        s->stacks = arena_reserve(STACKS_BYTES, "unpaged-sampled-stacks");
        if (!s->table || !s->stacks) {
                fault_sampler_destroy(s);
                return -ENOMEM;
        }
        s->every = every;
        fault_sampler_restart(s);
        return 0;
}

size_t fault_sampler_bytes(const struct fault_sampler *s)
{
        return s->table ? sizeof(*s->table) + STACKS_BYTES : 0;
}

void fault_sampler_destroy(struct fault_sampler *s)
{
        s->every = 0;
        if (s->table)
                arena_release(s->table, sizeof(*s->table));
        if (s->stacks)
                arena_release(s->stacks, STACKS_BYTES);
        s->table = NULL;
        s->stacks = NULL;
}

/* ---- taking one ----------------------------------------------------------------------------- */

static void registers_of_signal(const ucontext_t *context, struct pg_fault_sample *into)
{
        const mcontext_t *m = &context->uc_mcontext;

#if defined(__x86_64__)
        into->pc = (uint64_t)m->gregs[REG_RIP];
        into->sp = (uint64_t)m->gregs[REG_RSP];
        into->fp = (uint64_t)m->gregs[REG_RBP];
#elif defined(__aarch64__)
        into->pc = m->pc;
        into->sp = m->sp;
        into->fp = m->regs[29];
        into->lr = m->regs[30];
#else
#error "which registers of the context say where a thread is on this machine?"
#endif
        into->has_fp = true;
}

/* The last number of a line, "0x1f\n", and before it the end of the line without it. 0: none. */
static uint64_t last_hex(char *line)
{
        char *at = strrchr(line, ' ');
        uint64_t n = 0;

        if (!at || strncmp(at, " 0x", 3) != 0)
                return 0;
        *at = '\0';
        for (at += 3; *at > ' '; at++)
                n = n << 4 | (uint64_t)(*at >= 'a' ? *at - 'a' + 10 : *at - '0');
        return n;
}

/* Without stdio. */
static void syscall_path(char *path, pid_t tid)
{
        char digits[12];
        size_t n = 0;

        for (; tid > 0; tid /= 10)
                digits[n++] = (char)('0' + tid % 10);
        path = stpcpy(path, "/proc/self/task/");
        while (n > 0)
                *path++ = digits[--n];
        strcpy(path, "/syscall");
}

/* The line ends with both, in hexadecimal; "running": it is not blocked any more. */
static bool registers_of_blocked(pid_t tid, struct pg_fault_sample *into)
{
        char path[48], line[256];
        ssize_t n;
        int fd;

        syscall_path(path, tid);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return false;
        /* By pread: should another thread close all it finds, and open a pipe under this number,
         * nothing is taken out of that. */
        n = pread(fd, line, sizeof(line) - 1, 0);
        close(fd);
        line[n > 0 ? n : 0] = '\0';
        into->pc = last_hex(line);
        into->sp = last_hex(line);
        return into->sp != 0;
}

static size_t copy_stack(const struct uffd *u, char *to, uint64_t sp)
{
        size_t done = 0;

        while (done < SAMPLE_STACK) {
                size_t part = KERNEL_PAGE_SIZE - (sp + done) % KERNEL_PAGE_SIZE;

                part = part > SAMPLE_STACK - done ? SAMPLE_STACK - done : part;
                if (uffd_peek(u, to + done, (const void *)(uintptr_t)(sp + done), part) != 0)
                        break;
                done += part;
        }
        return done;
}

unsigned fault_sampler_take(struct fault_sampler *s, const struct uffd *u, pid_t tid,
                            const void *context)
{
        unsigned buffer = spare_take(s->table);
        struct pg_fault_sample *sample;
        char *stack;

        plan_next(s);
        if (buffer == 0)
                return 0;
        sample = &s->table->buffers[buffer - 1];
        stack = s->stacks + (buffer - 1) * SAMPLE_STACK;
        *sample = (struct pg_fault_sample){.size = sizeof(*sample), .tid = tid, .stack = stack};
        if (context) {
                registers_of_signal(context, sample);
        } else if (tid == 0 || !registers_of_blocked(tid, sample)) {
                spare_give(s->table, buffer);
                return 0;
        }
        sample->stack_size = copy_stack(u, stack, sample->sp);
        return buffer;
}

void fault_sampler_end(struct fault_sampler *s, unsigned sample, uintptr_t addr, bool is_load)
{
        struct sampler_table *t = s->table;
        uint64_t place;

        if (is_load) {
                t->buffers[sample - 1].page = (const void *)addr;
                place = atomic_fetch_add(&s->kept, 1);
                if (place >= SAMPLES_MOST)
                        place = sampler_random(s) % (place + 1);
                if (place < SAMPLES_MOST)
                        sample = atomic_exchange(&t->slots[place], (uint16_t)(sample | FILLED)) &
                                 ~FILLED;
        }
        spare_give(t, sample);
}

/* ---- telling -------------------------------------------------------------------------------- */

int fault_sampler_read(struct fault_sampler *s,
                       void (*each)(void *arg, const struct pg_fault_sample *sample), void *arg,
                       uint64_t *loads)
{
        struct sampler_table *t = s->table;
        unsigned mine = spare_take(t);
        int told = 0;

        *loads = atomic_exchange(&s->kept, 0) * s->every;
        for (unsigned i = 0; i < SAMPLES_MOST && mine != 0; i++) {
                if (!(atomic_load(&t->slots[i]) & FILLED))
                        continue;
                mine = atomic_exchange(&t->slots[i], (uint16_t)mine) & ~FILLED;
                each(arg, &t->buffers[mine - 1]);
                told++;
        }
        if (mine != 0)
                spare_give(t, mine);
        return told;
}
