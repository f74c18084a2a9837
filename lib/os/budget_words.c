/* SPDX-License-Identifier: MIT */
/* budget_words.c - see budget_words.h. */
#include "budget_words.h"

#include <errno.h>
#include <stddef.h>

const char *budget_words(int error)
{
        switch (error) {
        case -ENOMEM:
                return "the new budget does not leave enough beside the pinned pages and the "
                       "tables of the pool: unpin some, or give more";
        case -EPROTO:
                return "the policy names no page to go, although it has some: an error in the "
                       "policy; choose another one";
        case -ERANGE:
                return "the budget is larger than the memory of this machine, or than the address "
                       "space that the pool could get";
        default:
                return NULL;
        }
}
