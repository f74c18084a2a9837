/* SPDX-License-Identifier: MIT */
/* model_lru.c - true LRU, which sees every touch. O(1); 9 bytes a page. */
#include "model.h"
#include "page_lists.h"

#include <errno.h>
#include <stdlib.h>

enum { RESIDENT };

struct lru {
        struct model model;
        struct page_lists lists;
        uint32_t frames;
};

static void touch(struct lru *m, uint32_t page)
{
        if (m->lists.list[page] == RESIDENT) {
                page_lists_remove(&m->lists, page);
        } else {
                m->model.counts.misses++;
                if (m->lists.count[RESIDENT] == m->frames)
                        page_lists_remove(&m->lists, page_lists_oldest(&m->lists, RESIDENT));
        }
        page_lists_append(&m->lists, RESIDENT, page);
}

static void lru_replay(struct model *model, const uint32_t *steps, const uint32_t *next, size_t n)
{
        struct lru *m = (struct lru *)model;

        (void)next;
        for (size_t i = 0; i < n; i++) {
                uint32_t page = step_page(steps[i]);

                if (step_what(steps[i]) != STEP_FORGET)
                        touch(m, page);
                else if (m->lists.list[page] == RESIDENT)
                        page_lists_remove(&m->lists, page);
        }
}

static void lru_close(struct model *model)
{
        page_lists_destroy(&((struct lru *)model)->lists);
        free(model);
}

static const struct model_ops lru_ops = {lru_replay, lru_close};

int model_lru_open(struct model **model, uint32_t pages, uint32_t frames)
{
        struct lru *m = calloc(1, sizeof(*m));

        if (!m || page_lists_init(&m->lists, pages) != 0) {
                free(m);
                return -ENOMEM;
        }
        m->model.ops = &lru_ops;
        m->frames = frames;
        *model = &m->model;
        return 0;
}
