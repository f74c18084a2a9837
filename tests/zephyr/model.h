/* SPDX-License-Identifier: MIT */
/*
 * Zephyr's paging as arithmetic on arrays: no memory is mapped and nothing faults. A test drives
 * the model and the real thing with the same calls and touches, and compares what the eviction
 * algorithm and the backing store were asked, event by event.
 *
 * Pages are numbered by the test, frames as the kernel numbers them.
 */
#ifndef MODEL_H
#define MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include "trace.h"

#define MODEL_MAX_FRAMES 4096
#define MODEL_MAX_PAGES  512
#define MODEL_MAX_EVENTS 8192

enum model_eviction { MODEL_LRU, MODEL_NRU };

struct model_config {
        enum model_eviction eviction;
        bool demand_mapping;
        size_t store_pages; /* of a store that keeps no copies; 0: one that keeps one of every page */
        size_t frames;      /* all there are */
};

/* As a struct trace_event, but with the number of the page; MODEL_NO_PAGE if it has none. */
#define MODEL_NO_PAGE SIZE_MAX
struct model_event {
        enum trace_kind kind;
        bool detail;
        size_t page;
};

struct model_page {
        enum { MODEL_UNMAPPED, MODEL_OUT, MODEL_IN } state;
        bool stored; /* out, and a store has it: it is not of zeros yet to be made */
        bool accessed;
        bool dirty;
        size_t frame; /* of a page that is in */
};

struct model_frame {
        bool mapped;
        bool pinned;
        bool backed;
        size_t page;
};

struct model {
        struct model_config config;
        struct model_page pages[MODEL_MAX_PAGES];
        struct model_frame frames[MODEL_MAX_FRAMES];

        size_t free[MODEL_MAX_FRAMES]; /* frames in the order in which they will be taken */
        size_t num_free;
        size_t queue[MODEL_MAX_FRAMES]; /* LRU: frames, the next victim first */
        size_t num_queued;
        size_t last_victim; /* NRU: a frame */
        size_t store_used;

        unsigned long faults;
        unsigned long evicted_clean; /* by faults alone */
        unsigned long evicted_dirty;

        struct model_event events[MODEL_MAX_EVENTS];
        size_t num_events;
};

/* No page is mapped and no frame is free. */
void model_init(struct model *m, const struct model_config *config);

/* At the start: this frame is free, too. */
void model_add_free_frame(struct model *m, size_t frame);

/* As the calls of the same names; 0 or -ENOMEM, and false if a fault would be fatal. */
bool model_map(struct model *m, size_t first, size_t count);
void model_unmap(struct model *m, size_t first, size_t count);
int model_page_out(struct model *m, size_t first, size_t count);
bool model_page_in(struct model *m, size_t first, size_t count);
bool model_pin(struct model *m, size_t first, size_t count);
void model_unpin(struct model *m, size_t first, size_t count);

/* An instruction that reads or writes the page. */
bool model_touch(struct model *m, size_t page, bool write);

/* The end of a period of NRU. */
void model_age(struct model *m);

#endif
