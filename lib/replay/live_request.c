/* SPDX-License-Identifier: MIT */
/* live_request.c - see live_request.h. */
#include "live_request.h"
#include "futex_lock.h"
#include "live_name.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define TICK_NS (100u * 1000000)

struct request {
        const struct live_view *v;
        struct pg_live *live;
        uint64_t until;
        bool (*tick)(void *arg);
        void *arg;
};

static _Atomic uint32_t *word(uint32_t *in_file)
{
        return (_Atomic uint32_t *)in_file;
}

static _Atomic uint64_t *wide_word(uint64_t *in_file)
{
        return (_Atomic uint64_t *)in_file;
}

/* ---- the file ------------------------------------------------------------------------------- */

static bool is_that_pool(const struct pg_live *live, const struct live_view *v)
{
        return memcmp(live->magic, PG_LIVE_MAGIC, sizeof(live->magic)) == 0 &&
               live->version == PG_LIVE_VERSION && live->pid == v->live.pid &&
               live->start_ticks == v->live.start_ticks && live->pool == v->live.pool;
}

/* 0, or -errno: -ENOENT: it is not there any more. A version without requests has gauges there. */
static int file_map(struct request *q)
{
        int fd = open(q->v->path, O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
        struct stat st;
        void *at = MAP_FAILED;

        if (fd < 0)
                return -errno;
        if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == q->v->user &&
            (size_t)st.st_size >= sizeof(*q->live))
                at = mmap(NULL, sizeof(*q->live), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        close(fd);
        if (at == MAP_FAILED)
                return -ENOENT;
        q->live = at;
        if (is_that_pool(q->live, q->v))
                return 0;
        munmap(at, sizeof(*q->live));
        return -ENOENT;
}

static bool has_ended(const struct request *q)
{
        return atomic_load(word(&q->live->state)) != PG_LIVE_RUNNING ||
               !live_owner_is_there(q->v->live.pid, q->v->live.start_ticks);
}

/* ---- the claim ------------------------------------------------------------------------------ */

static uint64_t claim_of(pid_t pid)
{
        return (uint64_t)pid << 32 | (uint32_t)live_start_ticks(pid);
}

/* 0: unknown, so it may be the one. */
static bool claim_is_stale(uint64_t claim)
{
        pid_t pid = (pid_t)(claim >> 32);
        uint32_t began = (uint32_t)claim, now = (uint32_t)live_start_ticks(pid);

        return !live_owner_is_there(pid, 0) || (began && now && began != now);
}

static enum request_end claim_take(struct request *q, uint64_t mine, pid_t *by)
{
        _Atomic uint64_t *claim = wide_word(&q->live->claim);
        uint64_t other;

        for (;;) {
                other = 0;
                if (atomic_compare_exchange_strong(claim, &other, mine) ||
                    (claim_is_stale(other) && atomic_compare_exchange_strong(claim, &other, mine)))
                        return REQUEST_DONE;
                *by = (pid_t)(other >> 32);
                if (has_ended(q))
                        return REQUEST_ENDED;
                if (clock_now() >= q->until || !q->tick(q->arg))
                        return REQUEST_CLAIMED;
                nanosleep(&(struct timespec){.tv_nsec = TICK_NS}, NULL);
        }
}

static void claim_drop(struct request *q, uint64_t mine)
{
        atomic_compare_exchange_strong(wide_word(&q->live->claim), &mine, 0);
}

/* ---- asking --------------------------------------------------------------------------------- */

/* False: it has been taken, or done. */
static bool withdraw(struct request *q)
{
        return atomic_exchange(wide_word(&q->live->request_bytes), 0) != 0;
}

static enum request_end wait_for_answer(struct request *q, uint32_t number)
{
        _Atomic uint32_t *answered = word(&q->live->answered);
        uint32_t last;

        while ((last = atomic_load(answered)) != number) {
                if (has_ended(q))
                        return REQUEST_ENDED;
                if (clock_now() >= q->until || !q->tick(q->arg))
                        return withdraw(q) ? REQUEST_UNHEARD : REQUEST_AT_WORK;
                futex_wait_shared(answered, last, TICK_NS);
        }
        return REQUEST_DONE;
}

static enum request_end ask(struct request *q, uint64_t bytes)
{
        struct pg_live *live = q->live;
        uint32_t number;

        atomic_store(wide_word(&live->request_bytes), bytes);
        number = atomic_fetch_add(word(&live->request), 1) + 1;
        atomic_fetch_add(word(&live->calls), 1);
        futex_wake_shared(word(&live->calls), INT32_MAX);
        return wait_for_answer(q, number);
}

struct request_answer live_request(const struct live_view *v, uint64_t bytes, uint64_t until,
                                   bool (*tick)(void *arg), void *arg)
{
        struct request q = {.v = v, .until = until, .tick = tick, .arg = arg};
        uint64_t mine = claim_of(getpid());
        struct request_answer a = {.end = REQUEST_UNSERVED};

        if (v->live.gauge_offset < sizeof(struct pg_live))
                return a;
        a.error = file_map(&q);
        if (a.error) {
                a.end = a.error == -ENOENT ? REQUEST_ENDED : REQUEST_DENIED;
                return a;
        }
        if (atomic_load(word(&q.live->server)) != PG_LIVE_SERVES_NONE)
                a.end = claim_take(&q, mine, &a.by);
        if (a.end == REQUEST_DONE) {
                a.end = ask(&q, bytes);
                a.error = *(volatile int32_t *)&q.live->answer;
                claim_drop(&q, mine);
        }
        munmap(q.live, sizeof(*q.live));
        return a;
}
