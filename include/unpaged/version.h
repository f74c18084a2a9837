/* SPDX-License-Identifier: MIT */
/*
 * version.h - the version of these headers, and of the library that a program runs with. They
 * differ where the library was exchanged after the program was built.
 *
 * The numbers are those of project() in CMakeLists.txt; configuring fails where they differ.
 */
#ifndef UNPAGED_VERSION_H
#define UNPAGED_VERSION_H

#ifdef __cplusplus
extern "C" {
#endif

#define PG_VERSION_MAJOR 0
#define PG_VERSION_MINOR 4
#define PG_VERSION_PATCH 0

/* One number that grows: 10203 for 1.2.3. For #if. */
#define PG_VERSION (PG_VERSION_MAJOR * 10000 + PG_VERSION_MINOR * 100 + PG_VERSION_PATCH)

/* The library's, "1.2.3"; never freed. */
const char *pg_version(void);

#ifdef __cplusplus
}
#endif

#endif
