/* SPDX-License-Identifier: MIT */
/*
 * policy_gate.c - a pool's policy: the one gate to its table, and the list of those that ship.
 *
 * The gate turns the life of a frame into the calls of policy.h, whichever optional members the
 * author has. Invariant: count = frames added and neither removed nor queued = what select may
 * name.
 */
#include "policy_gate.h"
#include "arena.h"
#include "last_error.h"
#include "shipped.h"
#include "sized.h"

#include <errno.h>
#include <string.h>

static const struct pg_policy_ops *const shipped[] = {
        &pg_policy_sieve, &pg_policy_fifo,   &pg_policy_sfifo,  &pg_policy_clock,   &pg_policy_lru,
        &pg_policy_nru,   &pg_policy_random, &pg_policy_s3fifo, &pg_policy_bimodal,
};

const struct pg_policy_ops *pg_policy_at(unsigned index)
{
        return index < sizeof(shipped) / sizeof(shipped[0]) ? shipped[index] : NULL;
}

const struct pg_policy_ops *pg_policy_find(const char *name)
{
        const struct pg_policy_ops *ops;

        for (unsigned i = 0; (ops = pg_policy_at(i)) != NULL; i++)
                if (strcmp(ops->name, name) == 0)
                        return ops;
        return NULL;
}

int policy_open(struct policy *p, const struct pg_policy_ops *ops, uint32_t nframes)
{
        *p = (struct policy){0};
        if (sized_read(&p->ops, sizeof(p->ops), ops, "pg_policy_ops") != 0)
                return -EINVAL;
        if (!p->ops.footprint || !p->ops.init || !p->ops.add || !p->ops.remove ||
            !p->ops.accessed || !p->ops.select)
                return last_error(-EINVAL, "the table of the policy lacks a member that is not "
                                           "optional: see policy.h");
        p->nframes = nframes;
        p->bytes = p->ops.footprint(nframes);
        if (p->bytes > 32 * (size_t)nframes + 4096)
                return last_error(-EINVAL,
                                  "the policy wants %zu bytes for %u frames, more than 32 bytes a "
                                  "frame and 4096",
                                  p->bytes, nframes);
        p->bytes += p->bytes == 0;
        p->self = arena_reserve(p->bytes, "unpaged-policy");
        if (!p->self)
                return last_error(-ENOMEM, "no address space for the policy's memory");
        p->ops.init(p->self, nframes);
        return 0;
}

void policy_close(struct policy *p)
{
        arena_release(p->self, p->bytes);
        p->self = NULL;
}

void policy_add(struct policy *p, uint32_t frame, uint64_t key, enum pg_add how)
{
        p->ops.add(p->self, frame, key, how);
        p->count++;
}

void policy_remove(struct policy *p, uint32_t frame)
{
        p->ops.remove(p->self, frame);
        p->count--;
}

void policy_accessed(struct policy *p, uint32_t frame)
{
        p->ops.accessed(p->self, frame);
}

uint32_t policy_select(struct policy *p)
{
        uint32_t frame = p->count ? p->ops.select(p->self) : PG_NO_FRAME;

        return frame < p->nframes ? frame : PG_NO_FRAME; /* the author may be mistaken */
}

void policy_return(struct policy *p, uint32_t frame, uint64_t key)
{
        policy_remove(p, frame);
        policy_add(p, frame, key, PG_ADD_RETURNED);
}

void policy_queued(struct policy *p, uint32_t frame)
{
        if (p->ops.queued)
                p->ops.queued(p->self, frame);
        else
                p->ops.remove(p->self, frame);
        p->count--;
}

void policy_rescued(struct policy *p, uint32_t frame, uint64_t key)
{
        if (!p->ops.queued)
                p->ops.add(p->self, frame, key, PG_ADD_RETURNED);
        p->ops.accessed(p->self, frame);
        p->count++;
}

void policy_forget_queued(struct policy *p, uint32_t frame)
{
        if (p->ops.queued)
                p->ops.remove(p->self, frame);
}
