/* SPDX-License-Identifier: MIT */
/*
 * sized.c - how public structures grow: their first member is a size_t, which the caller sets to
 * the size that its compiler saw, and members are only appended.
 *
 * An older caller has fewer members than we do, a newer one has more. The kernel's clone3(2) and
 * openat2(2) do it the same way. A size beyond a page is no structure of any version. A new member
 * must not lie in what was padding at the end: an older caller has anything there.
 */
#include "sized.h"
#include "last_error.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define SIZE_MOST 4096u

static bool is_zero(const char *bytes, size_t count)
{
        while (count > 0 && *bytes == 0) {
                bytes++;
                count--;
        }
        return count == 0;
}

/* 0: not one that can be. */
static size_t size_of(const void *theirs)
{
        size_t size;

        memcpy(&size, theirs, sizeof(size));
        return size < sizeof(size) || size > SIZE_MOST ? 0 : size;
}

static int no_size(const char *name)
{
        return last_error(-EINVAL,
                          "the member size of struct %s is not set: it must be sizeof(struct %s)",
                          name, name);
}

int sized_read(void *ours, size_t our_size, const void *theirs, const char *name)
{
        size_t size = size_of(theirs);
        size_t common = size < our_size ? size : our_size;

        if (size == 0)
                return no_size(name);
        if (!is_zero((const char *)theirs + common, size - common))
                return last_error(-EINVAL,
                                  "a member of struct %s is set that this library does not know: "
                                  "leave it 0, or use the library that belongs to the headers",
                                  name);
        memset(ours, 0, our_size);
        memcpy(ours, theirs, common);
        return 0;
}

int sized_write(void *theirs, const void *ours, size_t our_size, const char *name)
{
        size_t size = size_of(theirs), skip = sizeof(size);
        size_t common = size < our_size ? size : our_size;

        if (size == 0)
                return no_size(name);
        memcpy((char *)theirs + skip, (const char *)ours + skip, common - skip);
        memset((char *)theirs + common, 0, size - common);
        return 0;
}
