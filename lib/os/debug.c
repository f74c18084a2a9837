/* SPDX-License-Identifier: MIT */
/* debug.c - what assertions remember. */
#include "debug.h"

__thread unsigned lock_held_ranks;
