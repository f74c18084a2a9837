/* SPDX-License-Identifier: MIT */
/*
 * file_stage.c - reading on in direct files: a stream reads a megabyte at a time.
 *
 * Theory of operation
 *  - The page cache reads ahead of a stream; O_DIRECT does not, and the pager's windows are as long
 *    as its budget allows: 64 KiB of 16 MiB. A disk that is asked for so little at a time idles
 *    between the questions. Measured on a virtio disk, microseconds for 4 KiB: 18 to 19 with 64 KiB
 *    a call, 10 with 256 KiB, 5 to 7 with 1 MiB.
 *  - So a run that begins where an earlier one ended, and is long enough to be the pager's reading
 *    ahead, is read into the stage and on, twice as far as the last time, up to STAGE_BYTES; and
 *    the runs behind it are copied from there. A megabyte goes through the ring (file_ring.c).
 *  - Nothing is left in flight when a call returns. Requests that land later would interrupt
 *    system calls of the thread that had sent them (task work of io_uring ends epoll_wait(2) with
 *    EINTR, Linux 5.11 on), and in signal delivery that is a thread of the program.
 *  - One stream has the stage. Another one reads the plain way until the first has not come back
 *    for PATIENCE runs of others: two streams in turn would throw away what they have read.
 *
 * What was read on may be outdated when it is wanted: page_out and refresh say so. A page_out says
 * it when it has written. `held` is set before reading begins, so one of two is true: page_out sees
 * the new range in `held` and sets `outdated`; or it looked before `held` was set, and then the
 * reading began after the writing had ended and sees it. (Both are sequentially consistent.) That
 * `outdated` is taken back before `held` is emptied errs to the safe side: a page_out that says it
 * in between says it of the next reading. The bytes that a call itself wants are not being written
 * meanwhile: no page is moved twice at once.
 *
 * Locking: `taken` is tried, never waited for; a caller that finds it taken reads the plain way.
 * `held` and `outdated` are anybody's. A child of fork that writes has no direct descriptor, and no
 * use for it.
 */
#include "file_stage.h"
#include "arena.h"
#include "file.h"
#include "futex_lock.h"

#include <stdlib.h>
#include <string.h>

#define STAGE_BYTES ((size_t)1 << 20)
/* Runs of fewer bytes begin no stream: single pages, at random, now and then follow each other. */
#define STREAM_MIN ((size_t)32 << 10)
#define STREAMS    4u
#define PATIENCE   8u

/* held: first block << LENGTH_BITS | blocks. Offsets are below 2^56, blocks of 2^12. */
#define BLOCK_SHIFT 12u
#define LENGTH_BITS 20u

struct file_stage {
        struct futex_lock taken;
        atomic_bool outdated;
        _Atomic uint64_t held; /* what the buffer holds, or is about to */

        /* Guarded by taken. */
        char *buf;
        size_t length;          /* how far the last reading went */
        uint64_t next;          /* the stream that has the stage goes on here */
        unsigned patience;      /* runs of others that it is still waited for */
        uint64_t ends[STREAMS]; /* where the last runs ended */
        unsigned turn;
};

struct file_stage *file_stage_open(void)
{
        struct file_stage *stage = calloc(1, sizeof(*stage));

        if (stage == NULL)
                return NULL;
        stage->buf = arena_reserve(STAGE_BYTES, "unpaged-file");
        if (stage->buf == NULL) {
                free(stage);
                return NULL;
        }
        return stage;
}

void file_stage_close(struct file_stage *stage)
{
        if (stage == NULL)
                return;
        arena_release(stage->buf, STAGE_BYTES);
        free(stage);
}

void file_stage_abandon(struct file_stage *stage)
{
        if (stage == NULL)
                return;
        atomic_store(&stage->held, 0);
        arena_forget(stage->buf, STAGE_BYTES);
}

static uint64_t held_start(uint64_t held)
{
        return held >> LENGTH_BITS << BLOCK_SHIFT;
}

static uint64_t held_end(uint64_t held)
{
        return held_start(held) + ((held & ((UINT64_C(1) << LENGTH_BITS) - 1)) << BLOCK_SHIFT);
}

void file_stage_outdate(struct file_stage *stage, uint64_t offset, uint64_t bytes)
{
        uint64_t held;

        if (stage == NULL)
                return;
        held = atomic_load(&stage->held);
        if (offset < held_end(held) && held_start(held) < offset + bytes)
                atomic_store(&stage->outdated, true);
}

size_t file_stage_memory(const struct file_stage *stage)
{
        return stage != NULL && atomic_load(&stage->held) != 0 ? STAGE_BYTES : 0;
}

/* Copies what the stage has of the run, from its start. Returns how many bytes that is. */
static size_t copy_held(struct file_stage *stage, uint64_t offset, size_t bytes, char *buf)
{
        uint64_t held = atomic_load(&stage->held);
        size_t n;

        if (offset < held_start(held) || offset >= held_end(held))
                return 0;
        n = held_end(held) - offset < bytes ? (size_t)(held_end(held) - offset) : bytes;
        memcpy(buf, stage->buf + (offset - held_start(held)), n);
        return n;
}

/* Does the run go on where an earlier one ended? Its own end is kept for the next. */
static bool is_stream(struct file_stage *stage, uint64_t offset, size_t bytes)
{
        unsigned i = 0;
        bool known;

        while (i < STREAMS && stage->ends[i] != offset)
                i++;
        known = i < STREAMS && offset != 0;
        if (!known)
                i = stage->turn++ % STREAMS;
        stage->ends[i] = offset + bytes;
        return known && bytes >= STREAM_MIN;
}

/* May a stream that goes on at `offset` have the stage? */
static bool stage_is_free(struct file_stage *stage, uint64_t offset)
{
        if (atomic_load(&stage->held) == 0 || stage->next == offset || stage->patience == 0)
                return true;
        stage->patience--;
        return false;
}

/* Fills the stage from `offset` on: with `bytes` at least, and twice as much as the last time if
 * the stream is the same. */
static bool read_on(struct file *file, uint64_t offset, size_t bytes, bool same)
{
        struct file_stage *stage = file->stage;
        uint64_t left = file->store.extent - offset;
        size_t length = same ? 2 * stage->length : 0;

        length = length < 4 * bytes ? 4 * bytes : length;
        length = length < STAGE_BYTES ? length : STAGE_BYTES;
        if (left < length)
                length = (size_t)(left >> BLOCK_SHIFT << BLOCK_SHIFT);
        if (length < bytes)
                return false;
        atomic_store(&stage->held, offset >> BLOCK_SHIFT << LENGTH_BITS | length >> BLOCK_SHIFT);
        stage->length = length;
        if (file_transfer(file, false, offset, length, stage->buf) == 0)
                return true;
        atomic_store(&stage->held, 0);
        return false;
}

static bool serve(struct file *file, uint64_t offset, size_t bytes, char *buf)
{
        struct file_stage *stage = file->stage;
        uint64_t end = offset + bytes;
        bool stream = is_stream(stage, offset, bytes);
        size_t had;

        if (atomic_exchange(&stage->outdated, false))
                atomic_store(&stage->held, 0);
        had = copy_held(stage, offset, bytes, buf);
        if (had < bytes) {
                if (!stream || !stage_is_free(stage, offset) ||
                    !read_on(file, offset + had, bytes - had, stage->next == offset))
                        return false;
                copy_held(stage, offset + had, bytes - had, buf + had);
        }
        stage->next = end;
        stage->patience = PATIENCE;
        return true;
}

bool file_stage_page_in(struct file *file, uint64_t offset, size_t bytes, char *buf)
{
        bool served;

        if (file->stage == NULL || file->direct_fd < 0 || offset % file->store.page_size != 0 ||
            !futex_lock_try(&file->stage->taken))
                return false;
        served = serve(file, offset, bytes, buf);
        futex_lock_drop(&file->stage->taken);
        return served;
}
