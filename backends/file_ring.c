/* SPDX-License-Identifier: MIT */
/*
 * file_ring.c - the file store's io_uring: moves one long span in many chunks at once.
 *
 * Theory of operation
 *  - A span is cut into chunks; up to RING_DEPTH of them are in flight. Whenever half of them have
 *    landed the next are sent, so the device never runs dry.
 *  - The ring is an accelerator and nothing else. It does not interpret a short or failed chunk: it
 *    waits for what is in flight, says false, and the caller repeats the span with plain calls,
 *    which find the error themselves. Repeating is harmless: a span moves the same bytes again.
 *  - It is worth its calls only where it has several chunks, hence RING_MIN. It was measured not to
 *    help spans that pass through the page cache: warm reads are a memory copy, cold ones race the
 *    kernel's own readahead, and writes move to kernel worker threads, whose use of another CPU
 *    makes every later unmapping in the process dearer. The store uses it for O_DIRECT only.
 *    There it gains little on one virtio disk (nothing at 1 MiB, 4 to 9 % at 4 MiB), since a plain
 *    O_DIRECT call also sends all its requests before it waits.
 *  - A ring that refuses a submission once is never released again, so nobody meets its leftovers.
 *
 * Invariants, while the ring is taken
 *      launched = landed + in flight + io_uring_sq_ready()
 *      landed <= launched <= chunks;   launched - landed <= RING_DEPTH
 *   and when file_ring_transfer returns: in flight = 0.
 *
 * Locking: `taken` is tried, never waited for; a caller that finds the ring taken goes the plain
 * way. A child of fork shares the ring's memory with its parent and must not use it: `owner` tells
 * them apart. Calling threads change, so the ring is not set up for a single issuer.
 */
#include "file_ring.h"
#include "futex_lock.h"
#include "mask.h"

#include <liburing.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RING_DEPTH 32u
#define RING_CHUNK ((size_t)256 << 10)
#define RING_MIN   (2 * RING_CHUNK)

struct file_ring {
        struct futex_lock taken;
        pid_t owner;
        struct io_uring uring; /* guarded by taken */
};

/* The span under way. */
struct flight {
        const struct file_span *span;
        size_t chunks;
        size_t launched;
        size_t landed;
        bool whole; /* every landed chunk was moved to its last byte */
};

struct file_ring *file_ring_open(void)
{
        struct file_ring *ring;

        if (feature_is_masked("uring"))
                return NULL;
        ring = calloc(1, sizeof(*ring));
        if (ring == NULL)
                return NULL;
        if (io_uring_queue_init(RING_DEPTH, &ring->uring, 0) < 0) {
                free(ring);
                return NULL;
        }
        ring->owner = getpid();
        return ring;
}

void file_ring_close(struct file_ring *ring)
{
        if (ring == NULL)
                return;
        io_uring_queue_exit(&ring->uring);
        free(ring);
}

static size_t chunk_length(const struct file_span *span, size_t chunk)
{
        size_t left = span->length - chunk * RING_CHUNK;

        return left < RING_CHUNK ? left : RING_CHUNK;
}

static void launch(struct file_ring *ring, struct flight *flight)
{
        const struct file_span *span = flight->span;

        while (flight->launched < flight->chunks &&
               flight->launched - flight->landed < RING_DEPTH) {
                struct io_uring_sqe *sqe = io_uring_get_sqe(&ring->uring);
                size_t chunk = flight->launched;
                char *buf = span->buf + chunk * RING_CHUNK;
                uint64_t position = span->position + chunk * RING_CHUNK;
                unsigned length = (unsigned)chunk_length(span, chunk);

                if (sqe == NULL)
                        return;
                if (span->write)
                        io_uring_prep_write(sqe, span->fd, buf, length, position);
                else
                        io_uring_prep_read(sqe, span->fd, buf, length, position);
                sqe->user_data = chunk;
                flight->launched++;
        }
}

static void land(struct file_ring *ring, struct flight *flight)
{
        struct io_uring_cqe *cqe;

        while (io_uring_peek_cqe(&ring->uring, &cqe) == 0) {
                size_t length = chunk_length(flight->span, (size_t)cqe->user_data);

                if (cqe->res < 0 || (size_t)cqe->res != length)
                        flight->whole = false;
                io_uring_cqe_seen(&ring->uring, cqe);
                flight->landed++;
        }
}

/* The buffer is the caller's again once this returns: nothing may still be in flight, whatever the
 * kernel says to the waiting itself. */
static void land_all(struct file_ring *ring, struct flight *flight)
{
        while (flight->launched - flight->landed > io_uring_sq_ready(&ring->uring)) {
                struct io_uring_cqe *cqe;

                if (io_uring_wait_cqe(&ring->uring, &cqe) < 0)
                        sched_yield();
                land(ring, flight);
        }
}

/* False: the ring refused, and keeps chunks that were never submitted. */
static bool fly(struct file_ring *ring, struct flight *flight)
{
        for (;;) {
                size_t aloft;
                bool more;
                int ret;

                if (flight->whole)
                        launch(ring, flight);
                aloft = flight->launched - flight->landed;
                if (aloft == 0)
                        return true;
                more = flight->whole && flight->launched < flight->chunks;
                ret = io_uring_submit_and_wait(&ring->uring,
                                               (unsigned)(more ? (aloft + 1) / 2 : aloft));
                land(ring, flight);
                if (ret < 0 && ret != -EINTR) {
                        land_all(ring, flight);
                        return flight->launched == flight->landed;
                }
        }
}

bool file_ring_transfer(struct file_ring *ring, const struct file_span *span)
{
        struct flight flight = {
                .span = span,
                .chunks = (span->length + RING_CHUNK - 1) / RING_CHUNK,
                .whole = true,
        };

        if (ring == NULL || span->length < RING_MIN || getpid() != ring->owner)
                return false;
        if (!futex_lock_try(&ring->taken))
                return false;
        if (!fly(ring, &flight))
                return false;
        futex_lock_drop(&ring->taken);
        return flight.whole && flight.landed == flight.chunks;
}
