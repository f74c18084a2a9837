/* SPDX-License-Identifier: MIT */
/*
 * workload.c - a run from its first page to its last check, in a child.
 *
 * What the harness itself needs (what every page's marked word must be, the order of the accesses,
 * the histograms) is made and touched first, outside the cgroup and outside the pool. Then the
 * subject opens, the pages are filled in order, and every thread warms up with its share of as many
 * accesses as will follow (then what the filling left modified is out), starts when all are ready,
 * and goes on where it was.
 */
#include "histogram.h"
#include "machine.h"
#include "order.h"
#include "run.h"
#include "bench_util.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <stdlib.h>

const struct workload workloads[] = {
        {"seq-read", "reads each line of each page, in order", false, ORDER_SEQUENTIAL, TOUCH_LINES,
         2, 0},
        {"seq-write", "writes one word of each page, in order", false, ORDER_SEQUENTIAL,
         TOUCH_WRITE, 2, 0},
        {"random-read", "reads one word of any page", false, ORDER_UNIFORM, TOUCH_READ, 2, 0},
        {"random-rmw", "reads and writes one word of any page", false, ORDER_UNIFORM, TOUCH_RMW, 2,
         0},
        {"zipf-read", "reads one word, of some pages much more often (theta 0.99)", false,
         ORDER_ZIPF, TOUCH_READ, 4, 0},
        {"hot-scan", "80 % of reads in half a budget, the others scan the rest", false,
         ORDER_HOT_SCAN, TOUCH_READ, 4, 0},
        {"loop", "reads 1.25 budgets in order, round and round", false, ORDER_SEQUENTIAL,
         TOUCH_LINES, 2, 1.25},
        {"chase", "reads in each page which one is next", false, ORDER_CHASE, TOUCH_READ, 1, 0},
        {"file-seq-read", "reads each line of each page of a file, in order", true,
         ORDER_SEQUENTIAL, TOUCH_LINES, 2, 0},
        {"file-random-read", "reads one word of any page of a file", true, ORDER_UNIFORM,
         TOUCH_READ, 1, 0},
        {0},
};

struct worker {
        struct team *team;
        unsigned number;
        pthread_t thread;
        uint32_t *sequence; /* NULL: the pages say which is next */
        uint32_t page;      /* then, the next one */
        uint64_t done, warmup, accesses;
        uint64_t ended_ns;
        struct histogram histogram;
};

struct team {
        const struct run *run;
        struct place place;
        uint32_t *expect; /* by page: its marked word */
        struct worker *workers;
        pthread_barrier_t barrier;
        uint64_t began_ns, faults;
};

static const uint64_t *page_words(struct place *place, unsigned thread, uint32_t page)
{
        if (place->start)
                return (const uint64_t *)(const void *)(place->start + page * PAGE_BYTES);
        return place->fetch(place, thread, page);
}

static void wrong_word(uint32_t page, size_t word, uint64_t expected, uint64_t seen)
{
        fail(OUTCOME_WRONG, "page %u, word %zu: expected %#lx, seen %#lx", page, word,
             (unsigned long)expected, (unsigned long)seen);
}

/* ---- filling and checking ---------------------------------------------------------------- */

static void fill(struct team *t)
{
        const struct run *run = t->run;
        uint64_t words[PAGE_WORDS];

        for (uint32_t page = 0; page < run->pages; page++) {
                data_page(run->data, run->seed, page, t->expect[page], words);
                memcpy(t->place.start + page * PAGE_BYTES, words, PAGE_BYTES);
        }
}

static void verify(struct team *t)
{
        const struct run *run = t->run;
        uint64_t words[PAGE_WORDS];

        for (uint32_t page = 0; page < run->pages; page++) {
                const uint64_t *seen = page_words(&t->place, 0, page);

                data_page(run->data, run->seed, page, t->expect[page], words);
                if (memcmp(seen, words, PAGE_BYTES) == 0)
                        continue;
                for (size_t i = 0; i < PAGE_WORDS; i++)
                        if (seen[i] != words[i])
                                wrong_word(page, i, words[i], seen[i]);
        }
}

/* For the test of the checks: RIVALS_CORRUPT=word or =mark spoils one word of a page that is
 * written, before the checks of all words, or before the accesses. */
static void corrupt(struct team *t, const char *when)
{
        const char *wanted = getenv("RIVALS_CORRUPT");
        uint32_t page = t->run->pages / 2;
        size_t word = data_mark(page);

        if (!wanted || strcmp(wanted, when) != 0 || t->run->workload->file)
                return;
        if (strcmp(when, "word") == 0)
                word ^= 1;
        ((uint64_t *)(void *)(t->place.start + page * PAGE_BYTES))[word] ^= 1ull << 40;
}

/* ---- accesses ---------------------------------------------------------------------------- */

static inline uint32_t touch(struct worker *w, enum touch how, uint32_t page)
{
        struct team *t = w->team;
        volatile const uint64_t *words = page_words(&t->place, w->number, page);
        unsigned mark = data_mark(page);
        uint64_t seen;

        if (how == TOUCH_LINES)
                for (unsigned i = 0; i < PAGE_WORDS; i += 8)
                        (void)words[i];
        if (how != TOUCH_WRITE) {
                seen = words[mark];
                if (seen != t->expect[page])
                        wrong_word(page, mark, t->expect[page], seen);
        }
        if (how == TOUCH_WRITE || how == TOUCH_RMW)
                ((volatile uint64_t *)words)[mark] = ++t->expect[page];
        else
                return (uint32_t)seen;
        return 0;
}

/* One access after the other; the end of one is the beginning of the next. */
static void accesses(struct worker *w, uint64_t n)
{
        enum touch how = w->team->run->workload->touch;
        uint64_t before = now_ns(), now;

        for (uint64_t end = w->done + n; w->done < end; w->done++) {
                if (w->sequence)
                        touch(w, how, w->sequence[w->done]);
                else
                        w->page = touch(w, how, w->page);
                now = now_ns();
                histogram_add(&w->histogram, now - before);
                before = now;
        }
        w->ended_ns = before;
}

static void *work(void *arg)
{
        struct worker *w = arg;
        struct team *t = w->team;

        accesses(w, w->warmup);
        memset(&w->histogram, 0, sizeof(w->histogram));
        pthread_barrier_wait(&t->barrier);
        if (w->number == 0) {
                t->faults = t->run->subject->faults(&t->place);
                t->began_ns = now_ns();
        }
        pthread_barrier_wait(&t->barrier);
        accesses(w, w->accesses);
        pthread_barrier_wait(&t->barrier);
        return NULL;
}

/* ---- the run ----------------------------------------------------------------------------- */

static void prepare(struct team *t)
{
        const struct run *run = t->run;
        bool chase = run->workload->order == ORDER_CHASE;
        uint64_t warmup = run->accesses, frames = run->budget / PAGE_BYTES;

        t->expect = ordinary_memory(run->pages * sizeof(*t->expect));
        t->workers = ordinary_memory(run->threads * sizeof(*t->workers));
        if (chase)
                order_chain(run, t->expect);
        for (uint32_t page = 0; !chase && page < run->pages; page++)
                t->expect[page] = page;
        for (unsigned i = 0; i < run->threads; i++) {
                struct worker *w = &t->workers[i];

                w->team = t;
                w->number = i;
                w->warmup = (warmup > frames ? warmup : frames) / run->threads;
                w->accesses = run->accesses / run->threads;
                order_part(run, i, &w->page);
                if (chase)
                        continue;
                w->sequence = ordinary_memory((w->warmup + w->accesses) * sizeof(*w->sequence) + 1);
                order_make(run, i, w->sequence, w->warmup + w->accesses);
        }
}

static void measure(struct team *t)
{
        const struct run *run = t->run;
        int error = pthread_barrier_init(&t->barrier, NULL, run->threads);

        for (unsigned i = 1; i < run->threads && !error; i++)
                error = pthread_create(&t->workers[i].thread, NULL, work, &t->workers[i]);
        if (error)
                fail(OUTCOME_FAILED, "a thread: %s", strerror(error));
        work(&t->workers[0]);
        for (unsigned i = 1; i < run->threads; i++)
                pthread_join(t->workers[i].thread, NULL);
        t->faults = run->subject->faults(&t->place) - t->faults;
}

static void sum_up(struct team *t, struct result *result)
{
        struct histogram *all = &t->workers[0].histogram;
        uint64_t ended = t->workers[0].ended_ns, slowest;

        result->accesses = t->workers[0].accesses;
        for (unsigned i = 1; i < t->run->threads; i++) {
                struct worker *w = &t->workers[i];

                histogram_merge(all, &w->histogram);
                result->accesses += w->accesses;
                ended = w->ended_ns > ended ? w->ended_ns : ended;
        }
        result->ns = (double)(ended - t->began_ns) * t->run->threads / (double)result->accesses;
        result->faults = t->faults;
        slowest = t->faults < 1 ? 1 : t->faults > result->accesses ? result->accesses : t->faults;
        result->p50 = histogram_of_slowest(all, slowest, 50);
        result->p99 = histogram_of_slowest(all, slowest, 99);
        result->p999 = histogram_of_slowest(all, slowest, 99.9);
}

void workload_run(const struct run *run, struct result *result)
{
        static struct team team;
        int error = 0;

        team.run = team.place.run = run;
        team.place.fd = run->fd;
        if (run->subject->floor) {
                result->ns = run->subject->floor(run);
                result->accesses = run->accesses;
                return;
        }
        prepare(&team);
        if (run->group && (error = cgroup_enter(run->group)) != 0)
                fail(OUTCOME_FAILED, "entering the memory cgroup: %s", strerror(error));
        run->subject->open(&team.place);
        if (!run->workload->file)
                fill(&team);
        corrupt(&team, "mark");
        measure(&team);
        sum_up(&team, result);
        corrupt(&team, "word");
        verify(&team);
}
