/* SPDX-License-Identifier: MIT */
/*
 * The model: each function is the rule of the same name, in the order in which the kernel asks the
 * eviction algorithm and the store.
 */
#include <errno.h>
#include <string.h>
#include "model.h"

static void emit(struct model *m, enum trace_kind kind, size_t page, bool detail)
{
        if (m->num_events < MODEL_MAX_EVENTS)
                m->events[m->num_events] =
                        (struct model_event){.kind = kind, .detail = detail, .page = page};
        m->num_events++;
}

/* ---- eviction ------------------------------------------------------------------------------ */

static size_t queue_find(const struct model *m, size_t frame)
{
        size_t place = 0;

        while (place < m->num_queued && m->queue[place] != frame)
                place++;
        return place;
}

/* The oldest, unless it is alone, is watched from the moment that it has become the oldest. */
static void queue_take(struct model *m, size_t place)
{
        m->num_queued--;
        for (size_t i = place; i < m->num_queued; i++)
                m->queue[i] = m->queue[i + 1];
        if (place == 0 && m->num_queued >= 2)
                m->pages[m->frames[m->queue[0]].page].accessed = false;
}

static void evictable_add(struct model *m, size_t frame)
{
        emit(m, TRACE_ADD, m->frames[frame].page, false);
        if (m->config.eviction == MODEL_LRU)
                m->queue[m->num_queued++] = frame;
}

static void evictable_remove(struct model *m, size_t frame)
{
        emit(m, TRACE_REMOVE, m->frames[frame].page, false);
        if (m->config.eviction == MODEL_LRU)
                queue_take(m, queue_find(m, frame));
}

static void evictable_accessed(struct model *m, size_t frame)
{
        size_t place = queue_find(m, frame);

        emit(m, TRACE_ACCESSED, m->frames[frame].page, false);
        if (place < m->num_queued) {
                queue_take(m, place);
                m->queue[m->num_queued++] = frame;
        }
}

/* Of the frames behind the last victim, all the way round, the first of the lowest rank. */
static size_t nru_victim(const struct model *m)
{
        size_t victim = SIZE_MAX;
        int lowest = 4;

        for (size_t i = 0; i < m->config.frames; i++) {
                size_t frame = (m->last_victim + 1 + i) % m->config.frames;
                const struct model_frame *f = &m->frames[frame];
                int rank;

                if (!f->mapped || f->pinned)
                        continue;
                rank = m->pages[f->page].dirty + 2 * m->pages[f->page].accessed;
                if (rank < lowest) {
                        lowest = rank;
                        victim = frame;
                }
        }
        return victim;
}

/* A frame, or SIZE_MAX if none can go. */
static size_t evictable_select(struct model *m, bool *dirty)
{
        size_t frame;

        if (m->config.eviction == MODEL_LRU)
                frame = m->num_queued > 0 ? m->queue[0] : SIZE_MAX;
        else
                frame = nru_victim(m);
        if (frame == SIZE_MAX) {
                emit(m, TRACE_SELECT, MODEL_NO_PAGE, false);
                return SIZE_MAX;
        }
        if (m->config.eviction == MODEL_NRU)
                m->last_victim = frame;
        *dirty = m->pages[m->frames[frame].page].dirty;
        emit(m, TRACE_SELECT, m->frames[frame].page, *dirty);
        return frame;
}

void model_age(struct model *m)
{
        for (size_t frame = 0; frame < m->config.frames; frame++)
                if (m->frames[frame].mapped && !m->frames[frame].pinned)
                        m->pages[m->frames[frame].page].accessed = false;
}

/* ---- frames -------------------------------------------------------------------------------- */

void model_init(struct model *m, const struct model_config *config)
{
        memset(m, 0, sizeof(*m));
        m->config = *config;
}

void model_add_free_frame(struct model *m, size_t frame)
{
        memset(&m->frames[frame], 0, sizeof(m->frames[frame]));
        m->free[m->num_free++] = frame;
}

static size_t free_take(struct model *m)
{
        size_t frame = m->free[0];

        m->num_free--;
        memmove(&m->free[0], &m->free[1], m->num_free * sizeof(m->free[0]));
        return frame;
}

/*
 * The frame's page goes out. A store that keeps no copies has a last location for faults alone.
 * BACKED stays on the frame for whoever gets it next.
 */
static int empty(struct model *m, size_t frame, bool dirty, bool page_fault)
{
        struct model_frame *f = &m->frames[frame];
        struct model_page *p = &m->pages[f->page];
        size_t kept = page_fault ? 0 : 1;

        dirty = dirty || !f->backed;
        if (m->config.store_pages > 0) {
                if (m->store_used + kept >= m->config.store_pages) {
                        emit(m, TRACE_REFUSED, f->page, page_fault);
                        return -ENOMEM;
                }
                m->store_used++;
        }
        emit(m, TRACE_LOCATION_GET, f->page, page_fault);
        p->state = MODEL_OUT;
        p->stored = true;
        evictable_remove(m, frame);
        if (dirty)
                emit(m, TRACE_PAGE_OUT, f->page, false);
        f->mapped = false;
        return 0;
}

static void fill(struct model *m, size_t frame, size_t page, bool dirty)
{
        m->frames[frame].mapped = true;
        m->frames[frame].page = page;
        m->pages[page].state = MODEL_IN;
        m->pages[page].frame = frame;
        m->pages[page].accessed = true;
        m->pages[page].dirty = dirty;
}

/* ---- faults -------------------------------------------------------------------------------- */

static bool fault(struct model *m, size_t page, bool pin)
{
        struct model_page *p = &m->pages[page];
        size_t frame;
        bool dirty;

        if (p->state != MODEL_OUT)
                return p->state == MODEL_IN;
        m->faults++;
        if (m->num_free > 0) {
                frame = free_take(m);
        } else {
                frame = evictable_select(m, &dirty);
                if (frame == SIZE_MAX)
                        return false;
                if (dirty)
                        m->evicted_dirty++;
                else
                        m->evicted_clean++;
                if (empty(m, frame, dirty, true) != 0)
                        return false;
        }
        if (p->stored)
                emit(m, TRACE_PAGE_IN, MODEL_NO_PAGE, false);
        fill(m, frame, page, false);
        m->frames[frame].pinned = pin;
        emit(m, TRACE_FINALIZE, page, false);
        if (m->config.store_pages == 0)
                m->frames[frame].backed = p->stored;
        else if (p->stored)
                m->store_used--;
        if (!pin)
                evictable_add(m, frame);
        return true;
}

bool model_touch(struct model *m, size_t page, bool write)
{
        struct model_page *p = &m->pages[page];

        if (!fault(m, page, false))
                return false;
        if (!p->accessed || (write && !p->dirty)) {
                p->accessed = true;
                p->dirty = p->dirty || write;
                evictable_accessed(m, p->frame);
        }
        return true;
}

/* ---- calls --------------------------------------------------------------------------------- */

/* Without demand mapping every page gets a frame at once, by evicting if need be; then is wiped. */
static bool map_page(struct model *m, size_t page)
{
        size_t frame;
        bool dirty;

        if (m->num_free > 0) {
                frame = free_take(m);
        } else {
                frame = evictable_select(m, &dirty);
                if (frame == SIZE_MAX || empty(m, frame, dirty, false) != 0)
                        return false;
                m->frames[frame].backed = false;
        }
        fill(m, frame, page, true);
        evictable_add(m, frame);
        return true;
}

bool model_map(struct model *m, size_t first, size_t count)
{
        for (size_t page = first; page < first + count; page++) {
                m->pages[page] = (struct model_page){.state = MODEL_OUT};
                if (!m->config.demand_mapping && !map_page(m, page))
                        return false;
        }
        if (!m->config.demand_mapping)
                for (size_t page = first; page < first + count; page++)
                        if (!model_touch(m, page, true))
                                return false;
        return true;
}

void model_unmap(struct model *m, size_t first, size_t count)
{
        for (size_t page = first; page < first + count; page++) {
                struct model_page *p = &m->pages[page];

                if (p->state == MODEL_OUT) {
                        emit(m, TRACE_LOCATION_FREE, MODEL_NO_PAGE, false);
                        if (p->stored && m->config.store_pages > 0)
                                m->store_used--;
                } else {
                        if (!m->frames[p->frame].pinned)
                                evictable_remove(m, p->frame);
                        model_add_free_frame(m, p->frame);
                }
                p->state = MODEL_UNMAPPED;
        }
}

int model_page_out(struct model *m, size_t first, size_t count)
{
        for (size_t page = first; page < first + count; page++) {
                struct model_page *p = &m->pages[page];
                int err;

                if (p->state != MODEL_IN)
                        continue;
                err = empty(m, p->frame, p->dirty, false);
                if (err)
                        return err;
                model_add_free_frame(m, p->frame);
        }
        return 0;
}

bool model_page_in(struct model *m, size_t first, size_t count)
{
        for (size_t page = first; page < first + count; page++)
                if (!fault(m, page, false))
                        return false;
        return true;
}

bool model_pin(struct model *m, size_t first, size_t count)
{
        for (size_t page = first; page < first + count; page++) {
                struct model_page *p = &m->pages[page];

                if (p->state == MODEL_IN && !m->frames[p->frame].pinned) {
                        evictable_remove(m, p->frame);
                        m->frames[p->frame].pinned = true;
                } else if (!fault(m, page, true)) {
                        return false;
                }
        }
        return true;
}

void model_unpin(struct model *m, size_t first, size_t count)
{
        for (size_t page = first; page < first + count; page++) {
                struct model_frame *f = &m->frames[m->pages[page].frame];

                if (m->pages[page].state == MODEL_IN && f->pinned) {
                        f->pinned = false;
                        evictable_add(m, m->pages[page].frame);
                }
        }
}
