/* SPDX-License-Identifier: MIT */
/* out_of_room.h - one line before the first access that fails for want of a frame. */
#ifndef OUT_OF_ROOM_H
#define OUT_OF_ROOM_H

struct pg_pool;

/* In a fault, without locks. error: why no page could be evicted. */
void out_of_room_report(struct pg_pool *pool, int error);

#endif
