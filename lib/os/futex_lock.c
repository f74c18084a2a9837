/* SPDX-License-Identifier: MIT */
/* futex_lock.c - what builds that check know of the locks a thread holds. See futex_lock.h. */
#include "futex_lock.h"

__thread unsigned lock_held_ranks;
