/* SPDX-License-Identifier: MIT */
/*
 * live_request.h - asks a pool of another process for another budget, as include/unpaged/live.h
 * describes it.
 */
#ifndef LIVE_REQUEST_H
#define LIVE_REQUEST_H

#include "live_view.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum request_end {
        REQUEST_DONE,     /* it answered: 0, or -errno, in `error` */
        REQUEST_DENIED,   /* its file may not be written to: -errno in `error` */
        REQUEST_UNSERVED, /* the pool serves no requests */
        REQUEST_CLAIMED,  /* another process, `by`, was asking all the time */
        REQUEST_ENDED,    /* the process has ended, or the pool is closed */
        REQUEST_UNHEARD,  /* it did not hear of it in time, and will not any more */
        REQUEST_AT_WORK,  /* it has begun, and is not ready in time: it goes on */
};

struct request_answer {
        enum request_end end;
        int error;
        pid_t by;
};

/* bytes: as live_budget() counts. Waits till `until` (CLOCK_MONOTONIC, ns) at most; tick(arg) is
 * called meanwhile, several times a second, and if it returns false the time is over. */
struct request_answer live_request(const struct live_view *v, uint64_t bytes, uint64_t until,
                                   bool (*tick)(void *arg), void *arg);

#endif
