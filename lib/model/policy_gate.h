/* SPDX-License-Identifier: MIT */
/* policy_gate.h - a pool's policy. Nobody else calls a policy's table. See policy_gate.c. */
#ifndef POLICY_GATE_H
#define POLICY_GATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <unpaged/policy.h>

struct policy {
        struct pg_policy_ops ops; /* the author's, with NULL for what it does not have */
        void *self;
        size_t bytes;
        uint32_t nframes;
        uint32_t count; /* frames it may select */
};

int policy_open(struct policy *p, const struct pg_policy_ops *ops, uint32_t nframes);
void policy_close(struct policy *p);

/* All below: the pool lock is held. */
void policy_add(struct policy *p, uint32_t frame, uint64_t key, enum pg_add how);
void policy_remove(struct policy *p, uint32_t frame);
void policy_accessed(struct policy *p, uint32_t frame);
uint32_t policy_select(struct policy *p);
/* The selected page cannot go now. */
void policy_return(struct policy *p, uint32_t frame, uint64_t key);
/* Its page went into the victim queue; came back from there; went out from there. */
void policy_queued(struct policy *p, uint32_t frame);
void policy_rescued(struct policy *p, uint32_t frame, uint64_t key);
void policy_forget_queued(struct policy *p, uint32_t frame);

#endif
