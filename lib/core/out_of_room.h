/* SPDX-License-Identifier: MIT */
/* out_of_room.h - one line before the first access that fails for want of a frame, or because the
 * pager has lost its userfaultfd. */
#ifndef OUT_OF_ROOM_H
#define OUT_OF_ROOM_H

struct pg_pool;

/* In a fault, without locks. error: why no page could be evicted. */
void out_of_room_report(struct pg_pool *pool, int error);

/* The same where the pager can use its userfaultfd no more. error: as uffd_answers() has it; 0: it
 * can. */
void cut_off_report(struct pg_pool *pool, int error);

#endif
