/* SPDX-License-Identifier: MIT */
/* version.c - the version that the library was built as. */
#include <unpaged/version.h>

#define TEXT(number)    #number
#define TEXT_OF(number) TEXT(number)
#define VERSION_TEXT                                                                               \
        TEXT_OF(PG_VERSION_MAJOR) "." TEXT_OF(PG_VERSION_MINOR) "." TEXT_OF(PG_VERSION_PATCH)

const char *pg_version(void)
{
        return VERSION_TEXT;
}
