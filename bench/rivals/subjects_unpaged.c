/* SPDX-License-Identifier: MIT */
/* subjects_unpaged.c - ours: a pool with the budget, and otherwise what pg_open gives anybody. */
#include "run.h"

#include <unpaged/stores.h>
#include <unpaged/statistics.h>
#include <unpaged/unpaged.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static char said[200]; /* by the library, about the last failure */

static void listen(void *arg, const char *text)
{
        (void)arg;
        snprintf(said, sizeof(said), "%.199s", text);
}

static void open_pool(struct place *place)
{
        struct pg_config config = {.size = sizeof(config),
                                   .budget = place->run->budget,
                                   .delivery = (enum pg_delivery)place->run->subject->delivery,
                                   .message = listen};
        int error = pg_open(&place->pool, &config);

        if (error)
                fail(error == -EPERM || error == -ENOSYS || error == -ENOTSUP ? OUTCOME_SKIPPED
                                                                              : OUTCOME_FAILED,
                     "pg_open: %s", said[0] ? said : strerror(-error));
}

void unpaged_open(struct place *place)
{
        open_pool(place);
        place->start = pg_map(place->pool, place->run->pages * PAGE_BYTES, 0);
        if (!place->start)
                fail(OUTCOME_FAILED, "pg_map: %s", strerror(errno));
}

void unpaged_file_open(struct place *place)
{
        struct pg_file_config config = {
                .size = sizeof(config),
                .fd = place->fd,
                .flags = PG_FILE_READONLY | (place->run->subject->direct ? PG_FILE_DIRECT : 0)};
        pg_location base;
        int error;

        open_pool(place);
        error = pg_store_file(&place->store, &config);
        if (error)
                fail(place->run->subject->direct ? OUTCOME_SKIPPED : OUTCOME_FAILED,
                     "pg_store_file: %s (a file system with O_DIRECT is needed for file-direct)",
                     strerror(-error));
        error = pg_attach(place->pool, place->store, &base);
        if (error)
                fail(OUTCOME_FAILED, "pg_attach: %s", strerror(-error));
        place->start =
                pg_map_unpaged(place->pool, base, place->run->pages * PAGE_BYTES, PG_MAP_READONLY);
        if (!place->start)
                fail(OUTCOME_FAILED, "pg_map_unpaged: %s", strerror(errno));
}

uint64_t unpaged_faults(struct place *place)
{
        const struct timespec pause = {.tv_nsec = 2000000};
        struct pg_stats stats = {.size = sizeof(stats)};
        int error;

        nanosleep(&pause, NULL); /* a handler thread counts the last fault after it woke us */
        error = pg_stats_get(place->pool, &stats);
        if (error)
                fail(OUTCOME_FAILED, "pg_stats_get: %s", strerror(-error));
        return stats.faults - stats.rescues;
}
