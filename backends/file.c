/* SPDX-License-Identifier: MIT */
/*
 * file.c - the file store: a range of a regular file, a block device or a memfd.
 *
 * Theory of operation
 *  - Byte o of the store is byte start + o of the file. A run is one pread or pwrite, repeated for
 *    what a short call left over. One system call per run is as fast as it gets: through the page
 *    cache it is a copy with the kernel's readahead behind it, and an O_DIRECT call sends all its
 *    requests to the device before it waits. Streams of O_DIRECT runs read on (file_stage.c), and
 *    long runs go through a ring (file_ring.c).
 *  - Nothing is invented. Bytes of the last page beyond the range read as zeros and are never
 *    written; any other byte that the file does not have (it was truncated meanwhile) is -EIO.
 *  - A writable regular file that is shorter than the range it was given is grown with ftruncate
 *    when the store is made: sparse, so a new swap file costs nothing. Blocks are had at page_out,
 *    which answers -ENOSPC when there are none.
 *  - O_DIRECT lives on a descriptor of its own, opened through /proc/self/fd, because a duplicate
 *    would share its flags with the caller. It moves whole blocks; what is left of the range after
 *    them, and of a run after a short direct call, goes through the page cache, which knows no
 *    alignment. A caller's O_APPEND or O_DIRECT is left behind the same way: O_APPEND would send
 *    every page to the end of the file.
 *  - Places for swap come from a bitmap with one bit per page, searched from where the last one was
 *    found: consecutive gets give consecutive offsets wherever the range allows, and then a batch
 *    of evicted pages is one run. A second bitmap with one bit per 64 places says which words are
 *    full, so a search reads 1 bit per 64 pages, 32 KiB for 64 GiB. The bitmaps are unreserved
 *    zero pages until they are used.
 *  - A page that fails half way through is torn where the file has it; a file offers no better.
 *    The pager keeps the page itself when page_out fails, so nothing is lost by it.
 *
 * Invariants
 *      start + extent <= size of the file, when the store is made
 *      used >= number of set bits in places, the mark's included;   used <= extent / page_size
 *      a set bit in full, unless its setter is still looking: all 64 bits of the word are set
 *
 * Locking: none. `used` is a semaphore: a caller that has counted itself in is owed a clear bit,
 * and takes it with one compare-and-exchange. All of it is sequentially consistent; the argument
 * why no free place is forgotten behind a `full` bit stands at word_mark_full().
 */
#include <unpaged/stores.h>

#include "file.h"
#include "arena.h"
#include "last_error.h"
#include "mask.h"
#include "sized.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* ---- places ------------------------------------------------------------------------------ */

/*
 * Sets the bit of a word that was seen full, and looks again. A place freed before the second look
 * is seen there. One freed after it clears the bit itself, after this has set it, because it finds
 * the word full. So a set bit never outlives the fullness of its word.
 */
static void word_mark_full(struct file *file, uint64_t word)
{
        uint64_t bit = UINT64_C(1) << (word % WORD_BITS);

        atomic_fetch_or(&file->full[word / WORD_BITS], bit);
        if (atomic_load(&file->places[word]) != UINT64_MAX)
                atomic_fetch_and(&file->full[word / WORD_BITS], ~bit);
}

/* Takes the lowest free place of a word, none of the barred ones. nplaces: it has none. */
static uint64_t word_take(struct file *file, uint64_t word, uint64_t barred, uint64_t nplaces)
{
        uint64_t left = nplaces - word * WORD_BITS;
        uint64_t taken = atomic_load(&file->places[word]);

        if (left < WORD_BITS)
                barred |= UINT64_MAX << left;
        while ((taken | barred) != UINT64_MAX) {
                unsigned bit = (unsigned)__builtin_ctzll(~(taken | barred));

                if (atomic_compare_exchange_weak(&file->places[word], &taken,
                                                 taken | UINT64_C(1) << bit))
                        return word * WORD_BITS + bit;
        }
        if (taken == UINT64_MAX)
                word_mark_full(file, word);
        return nplaces;
}

/* The first word from `word` on that is not marked full; nwords or more: there is none. */
static uint64_t word_not_full(struct file *file, uint64_t word, uint64_t nwords)
{
        while (word < nwords) {
                uint64_t open = ~atomic_load(&file->full[word / WORD_BITS]) >> (word % WORD_BITS);

                if (open != 0)
                        return word + (unsigned)__builtin_ctzll(open);
                word = (word / WORD_BITS + 1) * WORD_BITS;
        }
        return nwords;
}

/* Takes the first free place from `first` on; nplaces: there is none. */
static uint64_t place_take_from(struct file *file, uint64_t first, uint64_t nplaces, bool trust)
{
        uint64_t nwords = (nplaces + WORD_BITS - 1) / WORD_BITS;
        uint64_t barred = (UINT64_C(1) << (first % WORD_BITS)) - 1;
        uint64_t word = first / WORD_BITS;

        for (;; word++) {
                uint64_t place;

                if (trust)
                        word = word_not_full(file, word, nwords);
                if (word >= nwords)
                        return nplaces;
                place = word_take(file, word, word == first / WORD_BITS ? barred : 0, nplaces);
                if (place < nplaces)
                        return place;
        }
}

/* The caller is counted in `used`, so there is a place for it; others may snatch one after the
 * other in front of it, and then they made progress. The rounds after the first do not trust
 * `full`, so that nobody waits for a thread that sleeps between the two steps of word_mark_full().
 */
static uint64_t place_take(struct file *file, uint64_t nplaces)
{
        uint64_t first = atomic_load(&file->cursor);
        uint64_t place;
        bool trust = true;

        if (first >= nplaces)
                first = 0;
        for (;;) {
                place = place_take_from(file, first, nplaces, trust);
                if (place == nplaces)
                        place = place_take_from(file, 0, nplaces, trust);
                if (place < nplaces)
                        break;
                trust = false;
        }
        atomic_store(&file->cursor, place + 1);
        return place;
}

/* The last place is for a thread that waits for a frame: it may not have another way to go on. */
static int file_location_get(struct pg_store *store, uint64_t *offset, bool for_fault)
{
        struct file *file = file_of(store);
        uint64_t nplaces = store->extent / store->page_size;
        uint64_t used = atomic_load(&file->used);

        do {
                if (used + !for_fault >= nplaces || file->read_only) {
                        atomic_fetch_add(&file->refused, 1);
                        return -ENOSPC;
                }
        } while (!atomic_compare_exchange_weak(&file->used, &used, used + 1));
        atomic_store(&file->swaps, true);
        *offset = place_take(file, nplaces) * store->page_size;
        return 0;
}

static void file_location_free(struct pg_store *store, uint64_t offset)
{
        struct file *file = file_of(store);
        uint64_t place = offset / store->page_size;
        uint64_t word = place / WORD_BITS, before;

        file_wipe(file, offset);
        before = atomic_fetch_and(&file->places[word], ~(UINT64_C(1) << (place % WORD_BITS)));
        if (before == UINT64_MAX)
                atomic_fetch_and(&file->full[word / WORD_BITS],
                                 ~(UINT64_C(1) << (word % WORD_BITS)));
        atomic_fetch_sub(&file->used, 1);
}

/* ---- transfers --------------------------------------------------------------------------- */

/* Turns errno into what a store answers. A write beyond RLIMIT_FSIZE also leaves a SIGXFSZ pending,
 * which would end the program as soon as its signals are unblocked, for a page that is safe. */
static int transfer_error(int error)
{
        if (error == EFBIG) {
                const struct timespec now = {0};
                sigset_t set;

                sigemptyset(&set);
                sigaddset(&set, SIGXFSZ);
                sigtimedwait(&set, NULL, &now);
        }
        return error == EDQUOT ? -ENOSPC : -error;
}

/* Moves a span with plain calls, what the first leaves over through the page cache. */
static int transfer_plain(const struct file *file, struct file_span span)
{
        while (span.length > 0) {
                off_t position = (off_t)span.position;
                ssize_t moved = span.write ? pwrite(span.fd, span.buf, span.length, position)
                                           : pread(span.fd, span.buf, span.length, position);

                if (moved < 0 && errno == EINTR)
                        continue;
                if (moved < 0)
                        return transfer_error(errno);
                if (moved == 0)
                        return -EIO;
                span.fd = file_fd(file);
                span.position += (size_t)moved;
                span.length -= (size_t)moved;
                span.buf += moved;
        }
        return 0;
}

int file_transfer(const struct file *file, bool write, uint64_t offset, size_t length, char *buf)
{
        size_t whole = file->direct_fd >= 0 ? length - length % BLOCK : 0;
        struct file_span direct = {
                .fd = file->direct_fd,
                .write = write,
                .position = file->start + offset,
                .length = whole,
                .buf = buf,
        };
        struct file_span cached = {
                .fd = file_fd(file),
                .write = write,
                .position = file->start + offset + whole,
                .length = length - whole,
                .buf = buf + whole,
        };
        int err = 0;

        if (!file_ring_transfer(file->ring, &direct))
                err = transfer_plain(file, direct);
        return err != 0 ? err : transfer_plain(file, cached);
}

/* How many of the run's bytes lie in the range; 0: some page of it does not begin in it. */
static size_t run_bytes(const struct pg_store *store, uint64_t offset, size_t npages)
{
        uint64_t left = offset < store->extent ? store->extent - offset : 0;
        uint64_t bytes = (uint64_t)npages * store->page_size;

        if (bytes <= left)
                return (size_t)bytes;
        return bytes - left < store->page_size ? (size_t)left : 0;
}

static int file_page_in(struct pg_store *store, uint64_t offset, size_t npages, void *buf)
{
        size_t bytes = run_bytes(store, offset, npages);
        int err = 0;

        if (bytes == 0)
                return -EINVAL;
        if (!file_stage_page_in(file_of(store), offset, bytes, buf))
                err = file_transfer(file_of(store), false, offset, bytes, buf);
        if (err == 0)
                memset((char *)buf + bytes, 0, npages * store->page_size - bytes);
        return err;
}

static int file_page_out(struct pg_store *store, uint64_t offset, size_t npages, const void *buf)
{
        size_t bytes = run_bytes(store, offset, npages);

        int err;

        if (bytes == 0)
                return -EINVAL;
        err = file_transfer(file_of(store), true, offset, bytes, (char *)(uintptr_t)buf);
        file_stage_outdate(file_of(store)->stage, offset, bytes);
        return err;
}

static void file_refresh(struct pg_store *store, uint64_t offset, size_t npages)
{
        file_stage_outdate(file_of(store)->stage, offset, (uint64_t)npages * store->page_size);
}

static int file_sync(struct pg_store *store)
{
        while (fdatasync(file_fd(file_of(store))) != 0) {
                if (errno != EINTR)
                        return transfer_error(errno);
        }
        return 0;
}

static void file_stats(struct pg_store *store, struct pg_store_stats *stats)
{
        struct file *file = file_of(store);

        stats->stored_pages =
                atomic_load_explicit(&file->used, memory_order_relaxed) - file->marked;
        stats->stored_bytes = stats->stored_pages * store->page_size;
        stats->payload_bytes = stats->stored_bytes;
        stats->memory_bytes = file_stage_memory(file->stage);
        stats->limit_bytes = store->extent - file->marked * store->page_size;
        stats->limit_hits = atomic_load_explicit(&file->refused, memory_order_relaxed);
}

/* ---- making and closing ------------------------------------------------------------------ */

static void file_close(struct pg_store *store)
{
        struct file *file = file_of(store);

        file_wipe_all(file);
        file_ring_close(file->ring);
        file_stage_close(file->stage);
        arena_release((void *)file->places, file->places_bytes);
        pg_fd_close(file->direct_fd);
        pg_fd_close(file->fd);
        pg_fd_close(file->heir);
        free(file);
}

static const struct pg_store_ops file_ops;
static const struct pg_store_ops file_readonly_ops;

int pg_store_file(struct pg_store **store, const struct pg_file_config *config)
{
        struct pg_file_config c;
        struct file *file;
        bool readonly;
        uint64_t extent = 0;
        int err;

        if (store == NULL || config == NULL)
                return last_error(-EINVAL, "pg_store_file wants a store and a config: one is NULL");
        features_read();
        err = sized_read(&c, sizeof(c), config, "pg_file_config");
        if (err != 0)
                return err;
        file = calloc(1, sizeof(*file));
        if (file == NULL)
                return last_error(-ENOMEM, "no memory for a file store");
        readonly = (c.flags & PG_FILE_READONLY) != 0;
        err = file_open(file, &c, &readonly, &extent);
        file->ops = readonly ? file_readonly_ops : file_ops;
        file->ops.flags |= file->direct_fd < 0 ? PG_STORE_NEAR : 0;
        if (err == 0 && pg_store_init(&file->store, &file->ops, extent) != 0)
                err = last_error(-ENOMEM, "no memory for a file store");
        if (err != 0) {
                file_close(&file->store);
                return err;
        }
        if ((c.flags & PG_FILE_SWAP) != 0)
                err = file_swap_begin(&file->store);
        if (err != 0)
                pg_store_close(&file->store);
        else
                *store = &file->store;
        return err;
}

/* ---- the tables -------------------------------------------------------------------------- */

static const struct pg_store_ops file_readonly_ops = {
        .size = sizeof(struct pg_store_ops),
        .name = "file",
        .flags = PG_STORE_PARALLEL | PG_STORE_KEEPS | PG_STORE_READONLY,
        .page_in = file_page_in,
        .close = file_close,
        .stats = file_stats,
        .refresh = file_refresh,
};

static const struct pg_store_ops file_ops = {
        .size = sizeof(struct pg_store_ops),
        .name = "file",
        .flags = PG_STORE_PARALLEL | PG_STORE_KEEPS,
        .location_get = file_location_get,
        .location_free = file_location_free,
        .page_in = file_page_in,
        .page_out = file_page_out,
        .sync = file_sync,
        .close = file_close,
        .stats = file_stats,
        .fork_prepare = file_fork_prepare,
        .fork_parent = file_fork_parent,
        .fork_child = file_fork_child,
        .refresh = file_refresh,
        .swap_begin = file_swap_begin,
};
