/* SPDX-License-Identifier: MIT */
/* futex_lock.c - what debug builds know of the locks a thread holds. See futex_lock.h. */
#include "futex_lock.h"
#include "debug.h"

#if PG_DEBUG
__thread unsigned lock_held_ranks;
#endif
