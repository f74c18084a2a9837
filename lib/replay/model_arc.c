/* SPDX-License-Identifier: MIT */
/*
 * model_arc.c - the adaptive replacement cache (Megiddo and Modha, FAST 2003), seeing every touch.
 *
 * Resident pages are in RECENT, touched once lately, or in FREQUENT; those evicted leave a ghost
 * beside the list they were in. A touch of a ghost says that its list was too short: `target`, the
 * length that RECENT is to have, moves towards it. A page that is forgotten leaves its list, ghosts
 * as well. O(1); 9 bytes a page.
 *
 * Invariants, c the frames: RECENT + FREQUENT <= c; RECENT + its ghosts <= c; all four <= 2 c.
 */
#include "model.h"
#include "page_lists.h"

#include <errno.h>
#include <stdlib.h>

enum { RECENT, FREQUENT, RECENT_GHOSTS, FREQUENT_GHOSTS };

struct arc {
        struct model model;
        struct page_lists lists;
        uint32_t frames, target;
};

static void drop_oldest(struct arc *m, unsigned list)
{
        page_lists_remove(&m->lists, page_lists_oldest(&m->lists, list));
}

/* Makes room for a page, if there is none. */
static void replace(struct arc *m, bool for_frequent_ghost)
{
        const uint32_t *count = m->lists.count;
        bool recent = count[RECENT] > m->target ||
                      (for_frequent_ghost && count[RECENT] > 0 && count[RECENT] == m->target);
        unsigned from = recent || count[FREQUENT] == 0 ? RECENT : FREQUENT;

        if (count[RECENT] + count[FREQUENT] < m->frames)
                return;
        page_lists_move(&m->lists, from + RECENT_GHOSTS, page_lists_oldest(&m->lists, from));
}

/* How far the target moves: more where the ghosts that were right are few. */
static uint32_t stride(uint32_t right, uint32_t others)
{
        return others > right ? others / right : 1;
}

static void touch_ghost(struct arc *m, uint32_t page, unsigned list)
{
        const uint32_t *count = m->lists.count;
        uint32_t by = stride(count[list], count[RECENT_GHOSTS + FREQUENT_GHOSTS - list]);

        if (list == RECENT_GHOSTS)
                m->target = by < m->frames - m->target ? m->target + by : m->frames;
        else
                m->target = by < m->target ? m->target - by : 0;
        replace(m, list == FREQUENT_GHOSTS);
        page_lists_move(&m->lists, FREQUENT, page);
}

static void touch_new(struct arc *m, uint32_t page)
{
        const uint32_t *count = m->lists.count;
        uint32_t recent = count[RECENT] + count[RECENT_GHOSTS];

        if (recent == m->frames && count[RECENT] == m->frames) {
                drop_oldest(m, RECENT);
        } else {
                if (recent == m->frames)
                        drop_oldest(m, RECENT_GHOSTS);
                else if (recent + count[FREQUENT] + count[FREQUENT_GHOSTS] >= 2 * m->frames)
                        drop_oldest(m, FREQUENT_GHOSTS);
                replace(m, false);
        }
        page_lists_append(&m->lists, RECENT, page);
}

static void touch(struct arc *m, uint32_t page)
{
        uint8_t list = m->lists.list[page];

        if (list == RECENT || list == FREQUENT) {
                page_lists_move(&m->lists, FREQUENT, page);
                return;
        }
        m->model.counts.misses++;
        if (list == PAGE_LIST_NONE)
                touch_new(m, page);
        else
                touch_ghost(m, page, list);
}

static void arc_replay(struct model *model, const uint32_t *steps, const uint32_t *next, size_t n)
{
        struct arc *m = (struct arc *)model;

        (void)next;
        for (size_t i = 0; i < n; i++) {
                uint32_t page = step_page(steps[i]);

                if (step_what(steps[i]) != STEP_FORGET)
                        touch(m, page);
                else if (m->lists.list[page] != PAGE_LIST_NONE)
                        page_lists_remove(&m->lists, page);
        }
}

static void arc_close(struct model *model)
{
        page_lists_destroy(&((struct arc *)model)->lists);
        free(model);
}

static const struct model_ops arc_ops = {arc_replay, arc_close};

int model_arc_open(struct model **model, uint32_t pages, uint32_t frames)
{
        struct arc *m = calloc(1, sizeof(*m));

        if (!m || page_lists_init(&m->lists, pages) != 0) {
                free(m);
                return -ENOMEM;
        }
        m->model.ops = &arc_ops;
        m->frames = frames;
        *model = &m->model;
        return 0;
}
