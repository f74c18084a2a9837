/* SPDX-License-Identifier: MIT */
/*
 * policy.c - what a call of each shipped policy costs, at 2^20 frames by default.
 *
 * usage: policy [frames]
 *
 * Every policy is its neighbour's rival: all run in one process over the same frames in the same
 * shuffled order, so that each call pays for its cache misses. One row a policy, in ns per call:
 *
 *      add       all frames join
 *      accessed  every frame is used once
 *      evict     one miss: select, the frame joins a victim queue of 20 % of the frames, the page
 *                that waited longest goes out, and its frame gets a new page (four calls)
 *      rescue    one rescue: select, into the victim queue, and out again (three or four calls)
 *      remove    all frames leave
 *      longest   the longest single select, in us, when every frame has just been used
 *
 * Frames are used before they are evicted, so "evict" contains what select owes for that.
 */
#include "bench_util.h"

#include <unpaged/policy.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

struct run {
        const struct pg_policy_ops *ops;
        void *self;
        uint32_t nframes;
        uint32_t *order; /* all frames, shuffled */
        uint32_t *queue; /* a ring of frames that wait */
        uint64_t longest_ns;
};

/* No call waits; others may run meanwhile. */
static uint64_t cpu_ns(void)
{
        return clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

static void *memory_for(size_t size)
{
        void *memory = aligned_alloc(64, (size + 63) / 64 * 64);

        if (memory == NULL) {
                fprintf(stderr, "policy: no memory for %zu bytes\n", size);
                exit(EXIT_FAILURE);
        }
        return memory;
}

static bool wants_queued(const struct pg_policy_ops *ops)
{
        return ops->size > offsetof(struct pg_policy_ops, queued) && ops->queued != NULL;
}

static uint32_t select_and_queue(struct run *run)
{
        uint32_t frame = run->ops->select(run->self);

        if (wants_queued(run->ops))
                run->ops->queued(run->self, frame);
        else
                run->ops->remove(run->self, frame);
        return frame;
}

static void add_all(struct run *run)
{
        for (uint32_t i = 0; i < run->nframes; i++)
                run->ops->add(run->self, run->order[i], i, PG_ADD_DEMAND);
}

static void use_all(struct run *run)
{
        for (uint32_t i = 0; i < run->nframes; i++)
                run->ops->accessed(run->self, run->order[i]);
}

static void remove_all(struct run *run)
{
        for (uint32_t i = 0; i < run->nframes; i++)
                run->ops->remove(run->self, run->order[i]);
}

static void rescue_all(struct run *run)
{
        for (uint32_t i = 0; i < run->nframes; i++) {
                uint32_t frame = select_and_queue(run);

                if (!wants_queued(run->ops))
                        run->ops->add(run->self, frame, i, PG_ADD_RETURNED);
                run->ops->accessed(run->self, frame);
        }
}

/* Fills the victim queue, replaces as many pages as there are frames, and empties it. */
static void evict_all(struct run *run)
{
        uint32_t length = run->nframes / 5 + 1;

        for (uint32_t i = 0; i < length + run->nframes; i++) {
                uint32_t *slot = &run->queue[i % length];

                if (i >= length) {
                        if (wants_queued(run->ops))
                                run->ops->remove(run->self, *slot);
                        run->ops->add(run->self, *slot, i, PG_ADD_DEMAND);
                }
                *slot = select_and_queue(run);
        }
        for (uint32_t i = 0; i < length; i++) {
                if (wants_queued(run->ops))
                        run->ops->remove(run->self, run->queue[i]);
                run->ops->add(run->self, run->queue[i], i, PG_ADD_DEMAND);
        }
}

/* A clock beside every select would cost more than the select: a pass of its own. */
static void find_longest_select(struct run *run)
{
        for (uint32_t i = 0; i < run->nframes; i++) {
                uint64_t before = cpu_ns();
                uint32_t frame = run->ops->select(run->self);
                uint64_t ns = cpu_ns() - before;

                if (ns > run->longest_ns)
                        run->longest_ns = ns;
                run->ops->remove(run->self, frame);
                run->ops->add(run->self, frame, i, PG_ADD_DEMAND);
        }
}

static double ns_per_frame(struct run *run, void (*phase)(struct run *))
{
        uint64_t before = cpu_ns();

        phase(run);
        return (double)(cpu_ns() - before) / run->nframes;
}

static void measure(struct run *run)
{
        size_t footprint = run->ops->footprint(run->nframes);
        double add;
        double accessed;
        double evict;
        double rescue;
        double leave;

        run->self = memory_for(footprint);
        run->longest_ns = 0;
        memset(run->self, 0, footprint);
        run->ops->init(run->self, run->nframes);
        add_all(run);
        remove_all(run);

        add = ns_per_frame(run, add_all);
        accessed = ns_per_frame(run, use_all);
        evict = ns_per_frame(run, evict_all);
        rescue = ns_per_frame(run, rescue_all);
        use_all(run);
        find_longest_select(run);
        leave = ns_per_frame(run, remove_all);
        printf("%-8s %11.2f %7.1f %9.1f %7.1f %7.1f %7.1f %12.1f\n", run->ops->name,
               (double)footprint / run->nframes, add, accessed, evict, rescue, leave,
               (double)run->longest_ns / 1000);
        free(run->self);
}

int main(int argc, char **argv)
{
        unsigned long nframes = argc > 1 ? strtoul(argv[1], NULL, 0) : 1ul << 20;
        struct utsname machine;
        struct run run = {0};

        if (nframes < 5 || nframes > 1ul << 28) {
                fprintf(stderr, "usage: policy [frames, 5 ... 2^28]\n");
                return EXIT_FAILURE;
        }
        run.nframes = (uint32_t)nframes;
        run.order = memory_for(nframes * sizeof(uint32_t));
        run.queue = memory_for(nframes * sizeof(uint32_t));
        shuffle(run.order, run.nframes, &(uint64_t){1});

        uname(&machine);
        printf("%s %s, %ld CPUs, %lu frames; ns, but the longest select in us\n", machine.sysname,
               machine.machine, sysconf(_SC_NPROCESSORS_ONLN), nframes);
        printf("%-8s %11s %7s %9s %7s %7s %7s %12s\n", "policy", "bytes/frame", "add", "accessed",
               "evict", "rescue", "remove", "longest");
        for (unsigned i = 0; (run.ops = pg_policy_at(i)) != NULL; i++)
                measure(&run);
        free(run.order);
        free(run.queue);
        return EXIT_SUCCESS;
}
