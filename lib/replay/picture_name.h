/* SPDX-License-Identifier: MIT */
/* picture_name.h - what pictures may be called. No allocation, no stdio: also for the library. */
#ifndef PICTURE_NAME_H
#define PICTURE_NAME_H

/* NULL; or, for a name that ends in the extension of another format of pictures, what is wrong, to
 * follow the name and a colon. */
const char *picture_name_wrong(const char *path);

#endif
