/* SPDX-License-Identifier: MIT */
/*
 * policy_object.c - policies in shared objects, for `unpaged sim`, `unpaged run` and the preloaded
 * library.
 *
 * A shared object exports its table under one name, as a plug-in would:
 *
 *      const struct pg_policy_ops pg_policy = {.size = sizeof(pg_policy), .name = "mine", ...};
 *
 * It is checked here, member by member, so that its author learns what is amiss.
 */
#include "policy_object.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#define SYMBOL "pg_policy"

bool policy_is_object(const char *word)
{
        size_t n = strlen(word);

        return strchr(word, '/') || (n > 3 && strcmp(word + n - 3, ".so") == 0);
}

/* The name of a member that every policy must have, and this one has not; or NULL. */
static const char *missing(const struct pg_policy_ops *ops)
{
        const struct {
                const char *name;
                bool there;
        } members[] = {
                {"name", ops->name != NULL},     {"footprint", ops->footprint != NULL},
                {"init", ops->init != NULL},     {"add", ops->add != NULL},
                {"remove", ops->remove != NULL}, {"accessed", ops->accessed != NULL},
                {"select", ops->select != NULL},
        };

        for (unsigned i = 0; i < sizeof(members) / sizeof(members[0]); i++)
                if (!members[i].there)
                        return members[i].name;
        return NULL;
}

static bool is_sound(const struct pg_policy_ops *ops, char *why, size_t why_size)
{
        const char *member;

        if (!ops) {
                snprintf(why, why_size,
                         "it has no symbol `" SYMBOL "`: a policy in a shared object begins `const "
                         "struct pg_policy_ops " SYMBOL " = {`");
                return false;
        }
        if (ops->size < offsetof(struct pg_policy_ops, queued) || ops->size > 4096) {
                snprintf(why, why_size,
                         "the member `size` of `" SYMBOL "` is %zu, and no size of a struct "
                         "pg_policy_ops: it must be sizeof(struct pg_policy_ops)",
                         ops->size);
                return false;
        }
        member = missing(ops);
        if (member)
                snprintf(why, why_size, "`" SYMBOL "` has no `%s`, which every policy needs",
                         member);
        return !member;
}

const struct pg_policy_ops *policy_object_load(const char *path, bool now, char *why,
                                               size_t why_size)
{
        const struct pg_policy_ops *ops;
        char here[PATH_MAX];
        void *object;

        snprintf(here, sizeof(here), "%s%s", strchr(path, '/') ? "" : "./", path);
        object = dlopen(here, (now ? RTLD_NOW : RTLD_LAZY) | RTLD_LOCAL);
        if (!object) {
                snprintf(why, why_size, "%s", dlerror());
                return NULL;
        }
        ops = dlsym(object, SYMBOL);
        return is_sound(ops, why, why_size) ? ops : NULL;
}
