/* SPDX-License-Identifier: MIT */
/*
 * model_pool.c - a pool without memory: policy, victim queue, ghosts and frames as the pager has
 * them, and nothing moves.
 *
 * The rule is the pager's own code (replacement.c and the parts below it, write_predict.h); here
 * stands only what fault.c and evict.c do around it for one thread that reads nothing ahead: a
 * touch of a mapped page is not noticed, unless it is the first write; one of a queued page rescues
 * it; one of a page that is out takes a frame, for which a batch is evicted if none is free. Hence
 * counts are those of such a pool, to the last one (tests/flow/test_sim).
 *
 * What is not as in a pool: there is one history of writes, as if there were one mapping; pins,
 * failing stores and pages that the kernel has pinned do not happen; pages that are read at first
 * are clean, as those of a file are, and those that are written at first add nothing to the history
 * by that, as anonymous ones do not.
 *
 * Cost: a touch of a mapped page is one look at its word. 8 bytes a page, and what a pool has for
 * each frame.
 */
#include "model.h"
#include "frame.h"
#include "ghost.h"
#include "write_predict.h"
#include "page.h"
#include "policy_gate.h"
#include "replacement.h"
#include "victim_queue.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define BATCH_ROOM 64u /* BATCH_MAX of the pager */

struct pool {
        struct model model;
        struct taker taker;
        struct replacement replacement; /* of the four below */
        struct policy policy;
        struct ghosts ghosts;
        struct victim_queue victims;
        struct frames frames;
        write_history history;
        uint32_t predict_turn;
        unsigned batch;
        bool strict, far, check;
        bool from_queue; /* the taker is offered pages of the victim queue */
        uint64_t *words; /* by page, as in page.h; one that was in before is PLACED nowhere */
        const uint64_t *keys;
        uint32_t out[BATCH_ROOM]; /* frames that the taker has */
        bool waits[BATCH_ROOM];
};

static struct pool *pool_of(struct taker *t)
{
        return (struct pool *)((char *)t - offsetof(struct pool, taker));
}

static uint32_t page_in(const struct pool *m, uint32_t frame)
{
        return (uint32_t)frame_at(&m->frames, frame)->page;
}

/* ---- a page goes out ------------------------------------------------------------------------ */

/* A page is BUSY while the taker has it. The queue names none but its own; a policy may err. */
static bool is_wrong(struct pool *m, uint32_t frame, uint64_t word)
{
        if (word & PAGE_RESIDENT && page_frame(word) == frame && !(word & PAGE_BUSY) &&
            ((word & PAGE_QUEUED) != 0) == m->from_queue)
                return false;
        snprintf(m->model.wrong, sizeof(m->model.wrong),
                 "select named frame %u, which has no page that may go", frame);
        return true;
}

static enum taken take(struct taker *t, uint32_t frame)
{
        struct pool *m = pool_of(t);
        uint64_t *word = &m->words[page_in(m, frame)];

        if (is_wrong(m, frame, *word))
                return TAKEN_NOT;
        *word |= PAGE_BUSY;
        m->waits[t->taken] = *word & PAGE_DIRTY || m->far;
        m->out[t->taken] = frame;
        return m->waits[t->taken] ? TAKEN_TO_WAIT : TAKEN_BYPASS;
}

static bool could_take(struct taker *t, uint32_t frame)
{
        (void)t;
        (void)frame;
        return true;
}

static uint64_t key_of(struct taker *t, uint32_t frame)
{
        struct pool *m = pool_of(t);

        return m->keys[page_in(m, frame)];
}

static const struct taker_ops taker_ops = {take, could_take, key_of};

/* Those that are to wait go into the queue, the others stay with the taker. */
static void enqueue(struct pool *m)
{
        unsigned kept = 0;

        for (unsigned i = 0; i < m->taker.taken; i++) {
                if (!m->waits[i]) {
                        m->out[kept++] = m->out[i];
                        continue;
                }
                replacement_parked(&m->replacement, m->out[i]);
                m->words[page_in(m, m->out[i])] ^= PAGE_QUEUED | PAGE_BUSY;
        }
        m->taker.taken = kept;
}

static void leave(struct pool *m, uint32_t frame)
{
        uint32_t page = page_in(m, frame);
        uint64_t word = m->words[page];

        if (word & PAGE_DIRTY)
                m->model.counts.left_dirty++;
        else
                m->model.counts.left_clean++;
        if (!(word & PAGE_DIRTY))
                word = predict_note_read(&m->history, word);
        m->words[page] = PAGE_PLACED | (word & PAGE_HISTORY);
        replacement_went_out(&m->replacement, frame, m->keys[page]);
}

/* False: there was none to evict. */
static bool evict(struct pool *m)
{
        bool queue = replacement_queues(&m->replacement);
        uint32_t queued = m->victims.list.count;

        m->taker.taken = 0;
        m->from_queue = false;
        replacement_from_policy(&m->replacement, &m->taker, m->batch, queue);
        if (queue) {
                enqueue(m);
                queued = m->victims.list.count - queued;
                m->from_queue = true;
                replacement_from_queue(&m->replacement, &m->taker, m->batch);
        }
        for (unsigned i = 0; i < m->taker.taken; i++)
                leave(m, m->out[i]);
        return m->taker.taken > 0 || (queue && queued > 0);
}

/* ---- a page comes in ------------------------------------------------------------------------ */

static bool comes_in_clean(struct pool *m, uint32_t page, bool write)
{
        uint64_t *word = &m->words[page];

        m->predict_turn++;
        if (!(*word & PAGE_PLACED))
                return !write;
        if (write)
                *word = predict_note_written(&m->history, *word);
        return !write && !predict_will_write(&m->history, *word, m->predict_turn, m->strict);
}

static void load(struct pool *m, uint32_t page, bool write)
{
        bool clean = comes_in_clean(m, page, write);
        uint32_t frame;

        m->model.counts.misses++;
        while ((frame = frame_take(&m->frames)) == PG_NO_FRAME) {
                if (!evict(m) && !m->model.wrong[0])
                        snprintf(m->model.wrong, sizeof(m->model.wrong),
                                 "select names no frame of the pool, although %u may go",
                                 m->policy.count);
                if (m->model.wrong[0])
                        return;
        }
        frame_at(&m->frames, frame)->page = page;
        m->words[page] =
                page_resident(frame, (m->words[page] & PAGE_HISTORY) | (clean ? 0 : PAGE_DIRTY));
        replacement_came_in(&m->replacement, frame, m->keys[page], PG_ADD_DEMAND);
}

static void rescue(struct pool *m, uint32_t page)
{
        uint64_t *word = &m->words[page];
        uint32_t frame = page_frame(*word);

        m->model.counts.rescues++;
        replacement_taken(&m->replacement, frame, true);
        replacement_returned(&m->replacement, frame, m->keys[page]);
        *word &= ~PAGE_QUEUED;
}

/* What is not a read of a mapped page. */
static void notice(struct pool *m, uint32_t page, bool write)
{
        uint64_t *word = &m->words[page];

        if (!(*word & PAGE_RESIDENT)) {
                load(m, page, write);
                return;
        }
        if (*word & PAGE_QUEUED)
                rescue(m, page);
        else
                m->model.counts.first_writes += write && !(*word & PAGE_DIRTY);
        if (write && !(*word & PAGE_DIRTY))
                *word = predict_note_written(&m->history, *word) | PAGE_DIRTY;
}

static void forget(struct pool *m, uint32_t page)
{
        uint64_t word = m->words[page];
        uint32_t frame = page_frame(word);

        m->words[page] = 0;
        if (!(word & PAGE_RESIDENT))
                return;
        if (word & PAGE_QUEUED)
                replacement_taken(&m->replacement, frame, true);
        replacement_forgot(&m->replacement, frame, word & PAGE_QUEUED);
}

/* ---- the model ------------------------------------------------------------------------------ */

static void pool_replay(struct model *model, const uint32_t *steps, const uint32_t *next, size_t n)
{
        struct pool *m = (struct pool *)model;

        (void)next;
        for (size_t i = 0; i < n && !model->wrong[0]; i++) {
                uint32_t page = step_page(steps[i]);
                enum step what = step_what(steps[i]);

                if (what == STEP_FORGET)
                        forget(m, page);
                else if (!page_is_mapped(m->words[page]) || what == STEP_WRITE)
                        notice(m, page, what == STEP_WRITE);
        }
        if (m->check && !model->wrong[0] && m->policy.ops.check &&
            !m->policy.ops.check(m->policy.self))
                snprintf(model->wrong, sizeof(model->wrong), "check finds its invariants broken");
}

static void pool_close(struct model *model)
{
        struct pool *m = (struct pool *)model;

        policy_close(&m->policy);
        ghosts_destroy(&m->ghosts);
        frames_destroy(&m->frames);
        free(m->words);
        free(m);
}

static const struct model_ops pool_ops = {pool_replay, pool_close};

static int open_parts(struct pool *m, const struct pool_model *c)
{
        /* Slots are never touched: a byte of address space for each. */
        int error = frames_init(&m->frames, c->frames, c->frames, 1);

        if (!error)
                error = ghosts_init(&m->ghosts, c->frames);
        if (!error)
                error = policy_open(&m->policy, c->policy, c->frames);
        return error;
}

int model_pool_open(struct model **model, const struct pool_model *c)
{
        struct pool *m = calloc(1, sizeof(*m));
        int error;

        if (!m)
                return -ENOMEM;
        m->model.ops = &pool_ops;
        m->taker = (struct taker){.ops = &taker_ops, .room = BATCH_ROOM};
        m->replacement = (struct replacement){&m->policy, &m->ghosts, &m->victims, &m->frames};
        m->victims.pct = c->strict ? 0 : c->queue_pct ? c->queue_pct : VICTIM_QUEUE_PCT;
        m->batch = c->strict ? 1 : replacement_batch(c->frames);
        m->strict = c->strict;
        m->far = c->far;
        m->check = c->check;
        m->keys = c->keys;
        m->words = calloc(c->pages + (size_t)1, sizeof(*m->words));
        error = m->words ? open_parts(m, c) : -ENOMEM;
        if (error) {
                pool_close(&m->model);
                return error;
        }
        *model = &m->model;
        return 0;
}
