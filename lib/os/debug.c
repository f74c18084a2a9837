/* SPDX-License-Identifier: MIT */
/* debug.c - what assertions remember. */
#include "futex_lock.h"

__thread unsigned lock_held_ranks;
