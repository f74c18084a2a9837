/* SPDX-License-Identifier: MIT */
/*
 * cpu_follow.c - where the followers stand: each on the CPU of a thread that faults.
 *
 * One is enough for one thread, and for several that take turns on one CPU: all others rest, for
 * every fault wakes each follower that is in read(), and waking a CPU that has halted costs much.
 * But threads that fault on several CPUs at the same time would have one follower chase from CPU to
 * CPU with almost every message (two threads on a virtual machine: up to 54 us an access, instead
 * of 20 with two followers). So a follower counts the messages from CPUs where no follower stands;
 * one is followed, but if every eighth message is such a one, another follower is called in for
 * that CPU. From then on both stay where they are, and a message that the wrong one has read is
 * served all the same. To be woken beside a running thread costs little: the lowest scheduling
 * class waits until that thread faults itself.
 *
 * A follower that receives less than 1/16 of the messages during two ticks of the helper on duty is
 * not needed any more, or has a CPU with other work. It is moved beside the busiest follower, where
 * being woken costs a switch and no interrupt, and rests after its next message. Where that is
 * permitted it becomes an ordinary thread, so that it reads the very next message there is. Nothing
 * else brings a thread out of read(). The move also frees a follower that a busy thread on its CPU
 * has stopped with a message in hand, while others get on.
 *
 * Where a thread is, costs three system calls to find out. It is looked up after 64 of its
 * messages, and after two for which the follower had to wait (eight: 15 % slower): a thread that a
 * follower wakes on its own CPU stops the follower before the wake call returns, and then the
 * thread's next message is there already. A follower on the wrong CPU waits for every one.
 *
 * Races. Places are changed by followers and by the helper on duty, under `placing`, which is tried
 * and never waited for: its holder may be starving. followers_raise and retire go without it, and
 * all change a place by compare-and-exchange, so it wins: the other finds its place changed, and
 * lets go of its CPU. Only the helper on duty takes places away, and never the last. A follower
 * rests on its own accord: so it holds no message then.
 */
#include "cpu_follow.h"
#include "futex_lock.h"
#include "uffd.h"
#include "uffd_abi.h"

#include <linux/rseq.h>
#include <stddef.h>
#include <string.h>

#define LOOK_AFTER       64u
#define BLOCKED_COST     32u /* LOOK_AFTER / this: messages that were waited for */
#define OFF_CPU_WEIGHT   8u
#define OFF_CPU_MANY     (6 * OFF_CPU_WEIGHT)
#define OFF_CPU_RUN_LONG 16u
#define SHARE            16u
#define IDLE_TICKS_MOST  2u

enum {
        ANYWHERE = -1,
        RETIRING = -2, /* may be in read(), and rests after the next message */
        RESTING = -3,
};

/* glibc 2.35 and later; absent elsewhere, and then nothing follows. */
extern const ptrdiff_t __rseq_offset __attribute__((weak));
extern const unsigned int __rseq_size __attribute__((weak));

/* ---- looking ------------------------------------------------------------------------------- */

static char *robust_list(pid_t tid)
{
        void *head = NULL;
        size_t len = 0;

        return syscall(SYS_get_robust_list, tid, &head, &len) == 0 ? head : NULL;
}

/* The CPU of a thread that faulted, from its rseq area; -1: unknown. The area lies at a fixed
 * distance from the thread pointer, and so does the robust list, for which the kernel can be asked.
 * Only the C library registers one, so a thread that has one has both. It may be a thread of
 * another process that looks into our memory (a tracer), or have ended by now, with its area: so
 * the kernel reads. */
static int thread_cpu(const struct followers *all, pid_t tid)
{
        const char *robust = robust_list(tid);
        const char *area = robust - all->robust_offset + __rseq_offset;
        uint32_t cpu;

        if (!robust || syscall(SYS_tgkill, all->pid, tid, 0) != 0 ||
            uffd_peek(all->uffd, &cpu, area + offsetof(struct rseq, cpu_id), sizeof(cpu)))
                return -1;
        return cpu < CPU_SETSIZE ? (int)cpu : -1;
}

static bool may_follow(struct followers *all)
{
        char *robust = robust_list(0);

        if (!all->uffd->has_thread || !&__rseq_size || __rseq_size == 0 || !robust)
                return false;
        all->robust_offset = robust - (char *)__builtin_thread_pointer();
        return thread_cpu(all, gettid()) >= 0;
}

/* ---- placing ------------------------------------------------------------------------------- */

static int cpu_place(const struct follower *f)
{
        return atomic_load_explicit(&f->place, memory_order_relaxed);
}

static bool is_active_place(int place)
{
        return place >= ANYWHERE;
}

/* Before a follower has begun, its id is 0: to the kernel, that is the calling thread. */
static void bind_to(struct follower *f, int cpu)
{
        pid_t tid = atomic_load(&f->tid);
        cpu_set_t set;

        CPU_ZERO(&set);
        CPU_SET((size_t)cpu, &set);
        if (tid)
                sched_setaffinity(tid, sizeof(set), &set);
}

static void unbind(struct follower *f)
{
        pid_t tid = atomic_load(&f->tid);

        if (tid)
                sched_setaffinity(tid, sizeof(f->all->anywhere), &f->all->anywhere);
}

static void classify(struct follower *f, int class)
{
        pid_t tid = atomic_load(&f->tid);
        struct sched_param none = {0};

        if (tid)
                sched_setscheduler(tid, class, &none);
}

static bool change_place(struct follower *f, int from, int to)
{
        return atomic_compare_exchange_strong(&f->place, &from, to);
}

static bool is_covered(const struct followers *all, int cpu)
{
        for (unsigned i = 0; i < all->count; i++)
                if (cpu_place(&all->each[i]) == cpu)
                        return true;
        return false;
}

/* Under `placing`. Those that retire come along: here they would be left in read(). */
static void move_follower(struct follower *f, int cpu)
{
        int from = cpu_place(f);

        if (!is_active_place(from))
                return;
        bind_to(f, cpu);
        if (!change_place(f, from, cpu))
                unbind(f);
        for (unsigned i = 0; i < f->all->count; i++)
                if (cpu_place(&f->all->each[i]) == RETIRING)
                        bind_to(&f->all->each[i], cpu);
}

/* Under `placing`. One that rests goes to a CPU; false: none does. */
static bool call_in(struct followers *all, int cpu)
{
        for (unsigned i = 0; i < all->count; i++) {
                struct follower *f = &all->each[i];

                if (cpu_place(f) != RESTING || !atomic_load(&f->tid))
                        continue;
                bind_to(f, cpu);
                classify(f, SCHED_IDLE);
                if (change_place(f, RESTING, cpu)) {
                        futex_wake((_Atomic uint32_t *)&f->place, 1);
                        return true;
                }
        }
        return false;
}

static bool is_alone(const struct follower *f)
{
        for (unsigned i = 0; i < f->all->count; i++)
                if (&f->all->each[i] != f && is_active_place(cpu_place(&f->all->each[i])))
                        return false;
        return true;
}

/* No follower stands where the thread is. Where several are active and none rests, a follower
 * leaves its CPU only when no more messages come from there. */
static void message_from_other_cpu(struct follower *f, int cpu)
{
        struct followers *all = f->all;
        bool bound = cpu_place(f) >= 0;

        f->off_cpu_messages += bound ? OFF_CPU_WEIGHT : 0;
        if (!futex_lock_try(&all->placing))
                return;
        if (is_covered(all, cpu))
                ;
        else if (f->off_cpu_messages >= OFF_CPU_MANY && call_in(all, cpu))
                f->off_cpu_messages = 0;
        else if (!bound || f->away >= OFF_CPU_RUN_LONG || is_alone(f))
                move_follower(f, cpu);
        futex_lock_drop(&all->placing);
}

/* ---- on the follower ----------------------------------------------------------------------- */

void follower_go(struct follower *f, pid_t tid, bool blocked)
{
        struct cpu_lookup *s = &f->lookups[(unsigned)tid % CPU_LOOKUPS];
        struct followers *all = f->all;

        if (!atomic_load_explicit(&all->can_follow, memory_order_relaxed) ||
            !is_active_place(cpu_place(f)))
                return;
        f->off_cpu_messages -= f->off_cpu_messages > 0;
        s->spent += blocked ? BLOCKED_COST : 1;
        if (s->tid != tid || s->spent >= LOOK_AFTER || (s->cpu >= 0 && !is_covered(all, s->cpu)))
                *s = (struct cpu_lookup){.tid = tid, .cpu = thread_cpu(all, tid)};
        if (s->cpu < 0)
                return;
        f->away = s->cpu == cpu_place(f) ? 0 : f->away + 1;
        if (!is_covered(all, s->cpu))
                message_from_other_cpu(f, s->cpu);
}

void follower_has_read(struct follower *f, uintptr_t address)
{
        atomic_store_explicit(&f->address, address, memory_order_relaxed);
        atomic_fetch_add_explicit(&f->read, 1, memory_order_relaxed);
}

void follower_done(struct follower *f)
{
        atomic_store_explicit(&f->done, atomic_load_explicit(&f->read, memory_order_relaxed),
                              memory_order_release);
}

void follower_begin(struct follower *f)
{
        struct sched_param none = {0};

        if (atomic_load(&f->all->can_follow) && sched_setscheduler(0, SCHED_IDLE, &none) != 0)
                atomic_store(&f->all->can_follow, false);
        atomic_store(&f->tid, gettid());
}

/* followers_call_in comes after *stopping was set: if it looked at the place before that became
 * RESTING, then the look at *stopping, after that, sees it. */
void follower_rest(struct follower *f, const _Atomic bool *stopping)
{
        if (cpu_place(f) > RETIRING)
                return;
        change_place(f, RETIRING, RESTING);
        while (atomic_load(&f->place) == RESTING && !atomic_load(stopping))
                futex_wait((_Atomic uint32_t *)&f->place, (uint32_t)RESTING, 0);
        f->off_cpu_messages = f->away = 0;
        memset(f->lookups, 0, sizeof(f->lookups));
}

/* ---- on others ----------------------------------------------------------------------------- */

static void retire(struct follower *f, const struct follower *best)
{
        struct followers *all = f->all;
        int from = cpu_place(f), to = cpu_place(best);
        bool placing = futex_lock_try(
                &all->placing); /* or f itself may hold it, stopped: see followers_raise */

        if (to >= 0 && is_active_place(from) && change_place(f, from, RETIRING)) {
                bind_to(f, to);
                classify(f, SCHED_OTHER);
        }
        if (placing)
                futex_lock_drop(&all->placing);
}

uint32_t followers_progress(struct followers *all)
{
        struct follower *best = NULL;
        uint32_t fresh[FOLLOWERS], total = 0, most = 0;

        for (unsigned i = 0; i < all->count; i++) {
                struct follower *f = &all->each[i];
                uint32_t now = atomic_load_explicit(&f->read, memory_order_relaxed);

                fresh[i] = now - f->counted;
                f->counted = now;
                total += fresh[i];
                if (fresh[i] > most && is_active_place(cpu_place(f))) {
                        most = fresh[i];
                        best = f;
                }
        }
        for (unsigned i = 0; i < all->count; i++) {
                struct follower *f = &all->each[i];

                if (!best || f == best || !is_active_place(cpu_place(f)) ||
                    fresh[i] * SHARE > total)
                        f->idle_ticks = 0;
                else if (++f->idle_ticks >= IDLE_TICKS_MOST)
                        retire(f, best);
        }
        return total;
}

bool followers_hold_messages(const struct followers *all, size_t page_size)
{
        bool hold = false;

        for (unsigned i = 0; i < all->count; i++) {
                const struct follower *f = &all->each[i];

                if (atomic_load(&f->read) != atomic_load(&f->done))
                        hold = true;
                else if (atomic_load(&f->read) != 0)
                        uffd_wake(all->uffd, (void *)(atomic_load(&f->address) & ~(page_size - 1)),
                                  page_size);
        }
        return hold;
}

void followers_raise(struct followers *all)
{
        int first = ANYWHERE;

        if (!atomic_load(&all->can_follow))
                return;
        for (unsigned i = 0; i < all->count; i++) {
                struct follower *f = &all->each[i];
                int from = atomic_load(&f->place);

                while (from != RESTING &&
                       !atomic_compare_exchange_weak(&f->place, &from,
                                                     is_active_place(from) ? first : RETIRING))
                        ;
                if (from == RESTING)
                        continue;
                if (is_active_place(from))
                        first = RETIRING;
                unbind(f);
                classify(f, SCHED_OTHER);
        }
}

void followers_lower(struct followers *all)
{
        for (unsigned i = 0; i < all->count && atomic_load(&all->can_follow); i++)
                if (is_active_place(cpu_place(&all->each[i])))
                        classify(&all->each[i], SCHED_IDLE);
}

/* ---- start and stop ------------------------------------------------------------------------ */

unsigned followers_prepare(struct followers *all, const struct uffd *uffd)
{
        unsigned cpus;

        all->uffd = uffd;
        all->pid = getpid();
        futex_lock_reset(&all->placing);
        /* More CPUs than a cpu_set_t has bits: then none follows. */
        atomic_store(&all->can_follow,
                     sched_getaffinity(0, sizeof(all->anywhere), &all->anywhere) == 0 &&
                             may_follow(all));
        cpus = (unsigned)CPU_COUNT(&all->anywhere);
        if (all->count == 0)
                all->count = !atomic_load(&all->can_follow) ? 1
                             : cpus < FOLLOWERS             ? cpus
                                                            : FOLLOWERS;
        for (unsigned i = 0; i < all->count; i++) {
                struct follower *f = &all->each[i];

                *f = (struct follower){.all = all};
                atomic_store(&f->place, i == 0 ? ANYWHERE : RESTING);
        }
        return all->count;
}

void followers_call_in(struct followers *all)
{
        for (unsigned i = 0; i < all->count; i++)
                if (change_place(&all->each[i], RESTING, RETIRING))
                        futex_wake((_Atomic uint32_t *)&all->each[i].place, 1);
}
