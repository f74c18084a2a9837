/* SPDX-License-Identifier: MIT */
/*
 * unpaged.h - for applications: pools, mappings, residency. What a pool counts is in statistics.h.
 *
 * A pool owns a fixed budget of page frames. A mapping is born unpaged: every page of it is a
 * location token that names where its content lives. A touch faults; the pool takes a frame, fills
 * it from the page's store and maps it; when frames run out a policy names a victim, and its
 * content goes back to a store.
 *
 * Conventions, once for every call:
 *  - Sizes and addresses are bytes; addresses and sizes of ranges are multiples of the pool's page
 *    size unless a call says otherwise; a range lies inside one mapping.
 *  - A mapping call returns the address, or NULL with errno. Every other call returns 0 or a
 *    negative errno; errno is not touched. pg_last_error() has the cause and the remedy in words.
 *  - Structures begin with `size`, which the caller sets: struct pg_stats s = {.size = sizeof(s)}.
 *    Members are only appended. A caller that was compiled against an older header has fewer of
 *    them: only those are read or written, and missing ones count as 0. A caller compiled against a
 *    newer header has more: where the library reads them, a member that it does not know must be
 *    0; where it writes them, they become 0. -EINVAL: size is 0 (it was forgotten), or more than a
 *    page, or an unknown member is not 0.
 *  - Threads: every call may be made from any thread at any time, except pg_close(), which must be
 *    the last call on its pool. Not from signal handlers, unless a call says so.
 *  - Blocking: calls that move pages wait for the stores. No call waits for the program.
 *  - A range whose pages a call may unmap (page_out, cold, discard, sync, pg_move, pg_exclude) must
 *    not hold the stack of the calling thread: it would wait for itself.
 *  - Signals are blocked while a call moves pages, so that a handler of the program's own that
 *    touches paged memory cannot meet a half-moved page.
 *
 * System calls on paged memory. In thread delivery they just work: read(2) into a page that is out
 * blocks until it is in. In signal delivery the kernel cannot ask for the page: a system call on a
 * page that is out, or on a clean page that it would write, fails with EFAULT. pg_pin() is the
 * answer.
 *
 * After fork() the child has its own copy of a pool that was opened with PG_POOL_INHERIT, and goes
 * on as the parent does. Of any other pool it does not have the mappings: touching one there is
 * SIGSEGV, and every call on the pool answers -ECHILD. The parent is unaffected. vfork() and
 * posix_spawn() are as ever.
 *
 * Credentials. A pool has threads of its own, which the C library does not know. They get what the
 * program gives itself: when setuid(), setgid(), seteuid(), setegid(), setreuid(), setregid(),
 * setresuid(), setresgid(), setgroups(), initgroups(), capset(), or prctl() with
 * PR_SET_NO_NEW_PRIVS, PR_SET_KEEPCAPS, PR_SET_SECUREBITS, PR_CAPBSET_DROP or PR_CAP_AMBIENT,
 * returns, all of them have the ids, groups, capability sets, securebits and no_new_privs of the
 * calling thread; of capabilities no more than they had. For this the library stands before these
 * functions of the C library. What a program changes by syscall(2) instead they get at its next
 * such call. Filters of seccomp(2), Landlock and labels of security modules do not reach them. Such
 * a call waits for the faults that are being served, and must not be made from an operation of a
 * store. The process is ended by abort() if a thread would keep a privilege that the caller does
 * not have, as after another thread gave up, by capset(), what it takes to follow; or if a filter
 * does not let the caller read what it has itself.
 *
 * A page whose content cannot be loaded, or for which no frame can be had, is poisoned: the access
 * gets SIGBUS, never zeros, and the rest of the mapping goes on. pg_page_in() tries it again.
 * pg_config.out_of_room is told first which limit was reached. So it is if the program has closed a
 * pool's descriptor, or a filter of system calls denies ioctl(2): see pg_fds() in internals.h.
 */
#ifndef UNPAGED_H
#define UNPAGED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <unpaged/attributes.h>
#include <unpaged/version.h>

#ifdef __cplusplus
extern "C" {
#endif

struct pg_pool;
struct pg_store;
struct pg_policy_ops;

/* Names where a page's content lives: the pool's number of the store in the top byte, a
 * page-aligned offset in the store below. Linear: page i of a mapping starts at
 * location + i * page_size. */
typedef uint64_t pg_location;

#define PG_LOCATION_ANON_ZERO   ((pg_location)0xfffffffffffff000) /* reads as zeros */
#define PG_LOCATION_ANON_UNINIT ((pg_location)0xffffffffffffe000) /* reads as anything */
#define PG_LOCATION_NONE        ((pg_location)1)                  /* no location (not aligned) */

/*
 * Why the last failed call of this thread failed: a sentence with the cause and the remedy. "" when
 * no call has failed yet that had something to say; pg_open(), the constructors of stores (see
 * stores.h), pg_attach(), pg_resize() and the calls that map always have. The text is the thread's
 * own and stays until its next failing call. May be called from signal handlers.
 */
const char *pg_last_error(void);

/* ---- pools ------------------------------------------------------------------------------- */

enum pg_delivery {
        PG_DELIVERY_THREAD, /* handler threads serve faults; system calls on paged memory work */
        PG_DELIVERY_SIGNAL, /* SIGBUS on the faulting thread: fastest, needs no permission, but
                             * system calls on pages that are out fail with EFAULT */
};

/* No readahead, no victim queue, no batches: exact, repeatable counts of faults and evictions. */
#define PG_POOL_STRICT (1u << 0)
/* A child of fork() gets its own copy of the pool, with the same budget: private and anonymous
 * mappings with their content as it is at that moment, the swap store with its pages, handler
 * threads of its own. Counters begin again. Shared mappings (PG_MAP_SHARED, writable) stay with the
 * parent. The swap store must have the operation fork_child (see store.h); zram and file do.
 * Children of clone(2), called without the C library, are not served. */
#define PG_POOL_INHERIT (1u << 1)

/* The program closes none of the descriptors that pg_fds() names (see internals.h). In
 * signal delivery the pool then has no thread: unshare(CLONE_NEWUSER), for one, wants a process
 * with a single one. In thread delivery it makes no difference. */
#define PG_POOL_SPARES_FDS (1u << 2)

/* What the pool has counted can be read by other processes after it is closed, or the process has
 * ended: see live.h. The file is removed when there are more than 32 of them. */
#define PG_POOL_KEEPS_COUNTERS (1u << 3)

#define PG_FRAMES_MIN 4u

struct pg_config {
        size_t size;      /* sizeof(struct pg_config) */
        size_t budget;    /* bytes of physical memory, the pool's buffers included */
        uint32_t frames;  /* or, where budget is 0: exactly so many frames, buffers beside them */
        unsigned flags;   /* PG_POOL_* */
        size_t page_size; /* power of two, 4 KiB to 2 MiB; 0: 4 KiB */
        enum pg_delivery delivery;
        unsigned queue_pct; /* share of the frames the victim queue may hold, 1 to 50; 0: 20 */
        const char *policy; /* by name (see policy.h); NULL: "sieve", or, where the kernel has no
                             * UFFDIO_MOVE (Linux 6.8), "clock", which keeps newcomers for a while:
                             * the kernel may be reading into them */
        const struct pg_policy_ops *policy_ops; /* or by table; wins over the name */
        struct pg_store *swap; /* where pages without a location of their own go; must outlive the
                                * pool. NULL: a zram store of the pool's own, no limit */
        void (*message)(void *arg, const char *text); /* gets what pg_last_error() has to say of
                                                       * pg_open and of the trace; or NULL */
        void *message_arg;
        const char *trace; /* a file that gets a trace of what happens to the pages (see trace.h):
                            * an old one is replaced, by rename, and keeps its mode; a new one is
                            * readable by its owner alone; "%p" in its name is the process id. It
                            * takes 64 KiB beside the budget. NULL: none */
        uint32_t curve_pages; /* so many pages are followed, 50 to 100 bytes each, to tell how many
                               * would have missed with another budget: see pg_curve_get(). Of more
                               * a sample is followed. At most 65536; 4096 are plenty; 0: none */
        /* Or NULL. Gets a line, without its end, when an access is about to get SIGBUS because no
         * page could go out: which limit was reached, and what to do; once for each pool, with
         * message_arg. And a line, once, when an access is about to get SIGBUS because the pool has
         * lost its userfaultfd (internals.h; where this is NULL, standard error gets that one). It
         * is called in the fault, with all signals blocked, so it must be async-signal-safe, touch
         * no paged memory and make no call on the pool: write(2) is what it is for. */
        void (*out_of_room)(void *arg, const char *line);
        uint32_t sample_every; /* 0, or one fault in so many: pg_fault_samples(), internals.h */
        /* Or, in place of budget and frames: bytes of physical memory for all that the pool takes:
         * frames, buffers, tables, and what its swap store uses (memory_bytes of its statistics).
         * The frames are what the rest leaves, an eighth at least; a store that spills
         * (PG_STORE_SPILLS) gets half of both at most. The store should serve this pool alone: it
         * counts whole. Not with PG_POOL_STRICT. Two things may come on top: pages that the kernel
         * has pinned, as above_budget of struct pg_stats counts; and tables beyond seven eighths,
         * which take 4 KiB for each 2 MiB in which a page was touched, 8 KiB for each mapping, and
         * 16 bytes for each page in a tiered store. */
        size_t memory;
};

/*
 * Makes a pool. On failure *pool is untouched; pg_last_error(), and config->message, if set, have
 * a sentence with the cause and the remedy.
 *   -EINVAL  a member out of range, or unknown and not 0; not one of budget, frames and memory; an
 *            unknown policy, or one whose table is not whole; a swap store that has no location_get
 *            or serves another page size, or, with PG_POOL_INHERIT, cannot follow into a child; a
 *            budget below PG_FRAMES_MIN frames
 *   -EEXIST, -EBUSY  the swap store is a file with content that would be overwritten, or a device
 *            in use: see pg_store_file() in stores.h
 *   -EPERM   userfaultfd is refused: the text names the three ways to permit it; or the filter of
 *            system calls (seccomp) that refuses it, and the way past it
 *   -ENOSYS  the kernel has no userfaultfd
 *   -ENOTSUP the kernel's userfaultfd lacks write protection for anonymous memory (Linux 5.7), or
 *            the kernel's pages are not 4 KiB
 *   -ENOMEM, -EMFILE, -EAGAIN  as the kernel says
 *   -ESPIPE, or what open(2) and write(2) say: the trace cannot be written
 */
int pg_open(struct pg_pool **pool, const struct pg_config *config) PG_MUST_CHECK;

/*
 * Unmaps what is still mapped, stops the handlers and frees the pool. No thread may be touching its
 * mappings. -EBADF, -EPERM: thread delivery, and the userfaultfd is lost. -EIO or
 * -ENOSPC (as the store says): a modified page of a shared mapping could not be written; the pool
 * is then still open, to try again, or to discard the pages by pg_advise.
 */
int pg_close(struct pg_pool *pool) PG_NONNULL(1);

/*
 * Sets a new budget while programs run, counted as at pg_open: with the pool's buffers, or, where
 * the pool was opened by frames, without; of a pool that was opened by memory, the memory. Growing
 * is immediate. Shrinking evicts. -EINVAL: below PG_FRAMES_MIN frames, or what the pool's tables
 * need; or beyond the machine's memory. -ENOMEM: the pinned pages need more. -ENOSPC, -EIO: pages
 * could not be written to their stores, or the swap store needs more memory. -EPROTO: the policy
 * names no page to go (see policy.h). After an error the budget is as it was.
 *
 * Other processes of the same user, and root, can change it, too (`unpaged resize`; live.h), and
 * see what this call has changed: PG_GAUGE_FRAMES_TOTAL there, frames_total in struct pg_stats.
 */
int pg_resize(struct pg_pool *pool, size_t budget) PG_MUST_CHECK PG_NONNULL(1);

/*
 * Lets mappings of this pool name pages of the store: *base is the token of its offset 0. The
 * second call for the same store gives the same answer. The store must outlive the pool, or its
 * pg_detach().
 * -EINVAL: it serves another page size. -ENOSPC: the pool has 254 stores already.
 */
int pg_attach(struct pg_pool *pool, struct pg_store *store, pg_location *base) PG_MUST_CHECK
        PG_NONNULL(1, 2, 3);

/* Ends it. -EBUSY: a mapping still names its pages. -ENOENT: it is not attached. */
int pg_detach(struct pg_pool *pool, struct pg_store *store) PG_NONNULL(1);

/*
 * Writes what the pool's trace still has in memory: its file is a whole trace then, up to now. It
 * goes on afterwards; pg_close() does the same. A process that is killed, or ends without either
 * call, loses what is in the last two buffers of 32 KiB, some ten thousand events; the rest can be
 * read. A trace that cannot be written on (the disk is full, RLIMIT_FSIZE) ends; the program does
 * not notice. The reason is in the trace's header, is told here, and at pg_close() through
 * config->message. In a child of fork with PG_POOL_INHERIT a trace of its own begins, in PATH.PID,
 * or where "%p" leads; what the parent had resident is not told in it. If that file cannot be made,
 * that is told here, too.
 * -ENOENT: the pool has no trace. -ENOSPC, -EFBIG, -EIO and so on: why it has ended.
 */
int pg_trace_sync(struct pg_pool *pool) PG_MUST_CHECK PG_NONNULL(1);

/* ---- mappings ---------------------------------------------------------------------------- */

/* Modified pages go back to the mapping's own store with PG_MAP_SHARED. Without, the mapping is
 * private: they go to the pool's swap store. */
#define PG_MAP_UNINIT   (1u << 0) /* pg_map: content may start as anything */
#define PG_MAP_LOCK     (1u << 1) /* frames are taken now, and pinned */
#define PG_MAP_SHARED   (1u << 2)
#define PG_MAP_READONLY (1u << 3) /* read-only; default: readable and writable */

/*
 * Maps anonymous memory, zero at first (PG_MAP_UNINIT: undefined at first, which in practice may
 * be old content of this pool). Costs no memory until it is touched, whatever its size. There is an
 * inaccessible page before and after it.
 *   EINVAL  size 0 or not aligned, unknown flags, PG_MAP_SHARED
 *   ENOMEM  no address space; PG_MAP_LOCK: not enough frames
 *   ECHILD  in a child of fork
 */
void *pg_map(struct pg_pool *pool, size_t size, unsigned flags) PG_MUST_CHECK PG_NONNULL(1);

/*
 * Maps the pages that begin at a location: page i shows location + i * page_size. `size` may end
 * inside a page (the end of a file): it is rounded up. Content is never wiped (Zephyr's
 * k_mem_map_unpaged wipes unless told otherwise).
 *   EINVAL  as pg_map; a location of no attached store or not aligned; a range beyond the store's
 *           end; PG_MAP_SHARED writable on a read-only store, or on the two anonymous locations
 */
void *pg_map_unpaged(struct pg_pool *pool, pg_location location, size_t size,
                     unsigned flags) PG_MUST_CHECK PG_NONNULL(1);

/*
 * Maps a file (or block device, or memfd): the bytes from offset, a multiple of 4096, whatever the
 * page size. size 0: to the end of the file as it is now; otherwise it may end inside a page, and
 * not beyond the end of the file. The descriptor may be closed afterwards. The mapping has a store
 * of its own, that of pg_store_file() (see stores.h), which goes with it: in pg_unmap(), which
 * wants the size that was mapped, or in pg_close(). Flags as of pg_map_unpaged(): private, unless
 * PG_MAP_SHARED.
 * A child with PG_POOL_INHERIT has private and read-only mappings, too, and unmaps its own; the
 * descriptor of a shared one that stayed with the parent is closed there by pg_close().
 *   EINVAL  offset not aligned; nothing of the file from there on; a size beyond its end; unknown
 *           flags; a descriptor of something else
 *   EBADF   not open, or not for reading
 *   EACCES  PG_MAP_SHARED writable, and the descriptor is read-only
 *   ENOSPC  the pool has 254 stores already
 *   EMFILE  RLIMIT_NOFILE
 *   ENOMEM, ECHILD  as pg_map
 */
void *pg_map_file(struct pg_pool *pool, int fd, uint64_t offset, size_t size,
                  unsigned flags) PG_MUST_CHECK PG_NONNULL(1);

/*
 * Unmaps a whole mapping: addr and size as they were returned and given. Modified pages of a shared
 * mapping are written back first. Other threads must not rely on the mapping any more, but if they
 * touch it, they get either its content or SIGSEGV. (A signal handler must not touch it at all: it
 * might interrupt a call on the mapping for which this one waits.)
 * -EINVAL: no such mapping. -EIO, -ENOSPC: a page could not be written; the mapping is still there.
 * -EBADF, -EPERM: thread delivery, and the userfaultfd is lost.
 */
int pg_unmap(struct pg_pool *pool, void *addr, size_t size) PG_NONNULL(1);

/*
 * The protection of pages may be changed by mprotect(2), at any time and in parts of a mapping. A
 * PG_MAP_READONLY mapping that is made writable so is written back like any other; if it is shared
 * and its store is read-only, the write gets SIGSEGV nevertheless.
 * What else the kernel can do to addresses (munmap, mmap over them, mremap, mlock) must not be done
 * to paged ones; these do it. Pages that madvise(MADV_DONTNEED) drops read as zeros again, as after
 * PG_ADVICE_DISCARD; but one that is out, or on its way out at that moment, is not dropped.
 * Memory that a device is given to read for longer than one call must be pinned by pg_pin().
 *
 * mlockall(2), before pg_open() or after, does not keep paged memory in, nor fill what the pool has
 * reserved: pg_pin() is what keeps pages. MCL_CURRENT touches all that is mapped, so it lets every
 * page of a mapping come in once, in turn; MCL_ONFAULT spares that, and before Linux 6.13 must be
 * added once a pool is open, or the pool's reservations are filled. Where RLIMIT_MEMLOCK applies,
 * MCL_FUTURE refuses them to pg_open() and pg_map(): ENOMEM.
 */

/*
 * Moves the content of a range to another range of the same pool, which must not overlap it. What
 * `to` held is forgotten; `from` reads as zeros then. Both must be anonymous (pg_map). The content
 * does not pass through the stores.
 * -EINVAL: the ranges. -EBUSY: a page of either is pinned, or in use by the kernel; nothing, or the
 * pages before it, have moved. -EIO: a page to move to is poisoned, and the kernel (before Linux
 * 6.6) cannot heal it.
 */
int pg_move(struct pg_pool *pool, void *to, void *from, size_t size) PG_MUST_CHECK PG_NONNULL(1);

/*
 * Takes a range of a private mapping out of paging: its content and its pins are forgotten and the
 * addresses are the caller's, as inaccessible ordinary memory (PROT_NONE) over which anything may
 * be mapped. Calls on excluded pages do nothing, or answer -EINVAL where pages are to come in.
 * pg_include() unmaps what lies there now and makes it fresh pages, which read as zeros (or as
 * their store has them), with the mapping's protection.
 * -EINVAL: no such range; a shared mapping. -ENOMEM: the kernel refused.
 */
int pg_exclude(struct pg_pool *pool, void *addr, size_t size) PG_MUST_CHECK PG_NONNULL(1);
int pg_include(struct pg_pool *pool, void *addr, size_t size) PG_MUST_CHECK PG_NONNULL(1);

/* ---- residency --------------------------------------------------------------------------- */

/*
 * Makes a range resident, in whole runs and without a fault. On pages that are mapped already it
 * costs nanoseconds and makes no system call. They may be evicted again at any time after.
 * -EIO (or what the store said): a page could not be loaded; it is poisoned, the rest is resident.
 * -ENOMEM: no frame could be had: the stores are full, or all frames are pinned. -EPROTO: none
 * could be had because the policy names no page to go (see policy.h).
 */
int pg_page_in(struct pg_pool *pool, const void *addr, size_t size) PG_NONNULL(1);

/*
 * Writes a range out and gives its frames back, whether or not they were about to be evicted.
 * -EBUSY: a page is pinned, or in use by the kernel (asynchronous I/O into it).
 * -ENOMEM: the store is full. -EIO: it failed. In all cases the range may be partly out.
 */
int pg_page_out(struct pg_pool *pool, const void *addr, size_t size) PG_NONNULL(1);

/*
 * Makes a range resident and keeps it so: no access to it faults, and system calls on it work in
 * both deliveries. Pins do not nest: one pg_unpin() undoes any number of them (as in Zephyr).
 * -ENOMEM: it would leave the pool without frames to serve faults (4 frames, or half of a pool of
 * fewer than 8, always stay unpinned). Nothing is pinned then.
 * Other errors as pg_page_in; the range may then be partly pinned.
 */
int pg_pin(struct pg_pool *pool, const void *addr, size_t size) PG_MUST_CHECK PG_NONNULL(1);
int pg_unpin(struct pg_pool *pool, const void *addr, size_t size) PG_NONNULL(1);

enum pg_advice {
        PG_ADVICE_NORMAL,     /* whole mapping: readahead on sequential faults */
        PG_ADVICE_SEQUENTIAL, /* whole mapping: read far ahead at once */
        PG_ADVICE_RANDOM,     /* whole mapping: never read ahead */
        PG_ADVICE_WILL_NEED, /* the range: page in what free frames allow; errors are not reported */
        PG_ADVICE_COLD,      /* the range: next to be evicted; a touch brings it back cheaply */
        PG_ADVICE_DISCARD,   /* the range: forget its content. Anonymous pages read as zeros again,
                               * pages of a store as the store has them; modifications not yet
                               * written back are lost, which is what the call is for. (Where
                               * the kernel cannot poison pages itself, before Linux 6.6, a
                               * poisoned page stays poisoned until pg_page_in.) */
};

/* -EINVAL: unknown advice. -EBUSY: PG_ADVICE_DISCARD of a pinned page. */
int pg_advise(struct pg_pool *pool, void *addr, size_t size, enum pg_advice advice) PG_NONNULL(1);

/*
 * Writes the modified pages of a range of a shared mapping back to its store and makes them
 * durable. On private mappings it does nothing. The pages stay resident. Calls for one store take
 * turns.
 * The store's error, if one page or the final sync failed. Pages of the range that are resident are
 * still modified then, and will be written again by the next call. Modified pages that were evicted
 * since the last successful call cannot be written again: if there were any, each later call
 * answers that error as well, until the store is closed and opened anew, because what the store has
 * of them may be lost.
 */
int pg_sync(struct pg_pool *pool, const void *addr, size_t size) PG_MUST_CHECK PG_NONNULL(1);

/*
 * Where does the page at addr (any address inside it) live? Returns 0 and its location when it is
 * not resident; 1 when it is, and *location is then that of an identical copy, or PG_LOCATION_NONE;
 * -EINVAL outside every mapping. A snapshot: it may be history by the time the call returns.
 */
int pg_location_query(struct pg_pool *pool, const void *addr, pg_location *location) PG_MUST_CHECK
        PG_NONNULL(1, 3);

/* Bytes that can be paged in or pinned without evicting anything: the free frames, less those that
 * the pool keeps for faults. */
size_t pg_free_get(struct pg_pool *pool) PG_NONNULL(1);

#ifdef __cplusplus
}
#endif

#endif
