/* SPDX-License-Identifier: MIT */
/*
 * model_min.c - Belady's optimum: the page goes whose next touch is farthest away.
 *
 * The resident pages are a heap, the one that is needed last on top. A touched page's next touch
 * moves from now, before all others, to some later time, so it only ever rises. O(log frames) a
 * touch; 8 bytes a page and 4 a frame, and the caller has 4 for each touch, as that is what it
 * takes to look ahead.
 *
 * A page that comes in takes a frame, however late it is needed again: a pager cannot do otherwise.
 */
#include "model.h"

#include <errno.h>
#include <stdlib.h>

struct min {
        struct model model;
        uint32_t *next;  /* by page: its next touch */
        uint32_t *place; /* by page: where it is in the heap, + 1; 0: not resident */
        uint32_t *heap;
        uint32_t count, frames;
};

static void put(struct min *m, uint32_t at, uint32_t page)
{
        m->heap[at] = page;
        m->place[page] = at + 1;
}

static void rise(struct min *m, uint32_t at, uint32_t page)
{
        while (at > 0 && m->next[m->heap[(at - 1) / 2]] < m->next[page]) {
                put(m, at, m->heap[(at - 1) / 2]);
                at = (at - 1) / 2;
        }
        put(m, at, page);
}

static void sink(struct min *m, uint32_t at, uint32_t page)
{
        for (;;) {
                uint32_t child = 2 * at + 1;

                if (child + 1 < m->count && m->next[m->heap[child + 1]] > m->next[m->heap[child]])
                        child++;
                if (child >= m->count || m->next[m->heap[child]] <= m->next[page])
                        break;
                put(m, at, m->heap[child]);
                at = child;
        }
        put(m, at, page);
}

static void leave(struct min *m, uint32_t page)
{
        uint32_t at = m->place[page] - 1, last = m->heap[--m->count];

        m->place[page] = 0;
        if (last == page)
                return;
        if (m->next[last] > m->next[page])
                rise(m, at, last);
        else
                sink(m, at, last);
}

static void touch(struct min *m, uint32_t page, uint32_t next)
{
        if (m->place[page] == 0) {
                m->model.counts.misses++;
                if (m->count == m->frames)
                        leave(m, m->heap[0]);
                m->place[page] = ++m->count;
        }
        m->next[page] = next;
        rise(m, m->place[page] - 1, page);
}

static void min_replay(struct model *model, const uint32_t *steps, const uint32_t *next, size_t n)
{
        struct min *m = (struct min *)model;

        for (size_t i = 0; i < n; i++) {
                uint32_t page = step_page(steps[i]);

                if (step_what(steps[i]) != STEP_FORGET)
                        touch(m, page, next[i]);
                else if (m->place[page])
                        leave(m, page);
        }
}

static void min_close(struct model *model)
{
        struct min *m = (struct min *)model;

        free(m->next);
        free(m->place);
        free(m->heap);
        free(m);
}

static const struct model_ops min_ops = {min_replay, min_close};

int model_min_open(struct model **model, uint32_t pages, uint32_t frames)
{
        struct min *m = calloc(1, sizeof(*m));

        if (!m)
                return -ENOMEM;
        m->model.ops = &min_ops;
        m->frames = frames;
        m->next = calloc(pages + (size_t)1, sizeof(*m->next));
        m->place = calloc(pages + (size_t)1, sizeof(*m->place));
        m->heap = calloc((size_t)(pages < frames ? pages : frames) + 1, sizeof(*m->heap));
        if (!m->next || !m->place || !m->heap) {
                min_close(&m->model);
                return -ENOMEM;
        }
        *model = &m->model;
        return 0;
}
