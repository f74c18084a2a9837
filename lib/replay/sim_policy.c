/* SPDX-License-Identifier: MIT */
/*
 * sim_policy.c - policies by name, or in a shared object.
 *
 * A shared object exports its table under one name, as a plug-in would:
 *
 *      const struct pg_policy_ops pg_policy = {.size = sizeof(pg_policy), .name = "mine", ...};
 *
 * It is checked here, member by member, so that its author learns what is amiss.
 */
#include "command.h"
#include "sim.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SYMBOL "pg_policy"

static bool add(struct sim_options *o, const struct pg_policy_ops *ops)
{
        for (unsigned i = 0; i < o->npolicies; i++)
                if (o->policies[i] == ops)
                        return true;
        if (o->npolicies == SIM_POLICIES_MOST) {
                say(STATUS_USAGE, "sim: more than %u policies: leave some out", SIM_POLICIES_MOST);
                return false;
        }
        o->policies[o->npolicies++] = ops;
        return true;
}

static bool is_path(const char *word)
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

static bool add_object(struct sim_options *o, const char *path)
{
        const struct pg_policy_ops *ops;
        char here[PATH_MAX];
        void *object;
        const char *member;

        snprintf(here, sizeof(here), "%s%s", strchr(path, '/') ? "" : "./", path);
        /* For good: its table is used to the end. Lazily: it may be a program as well, whose calls
         * of the library are not made here. */
        object = dlopen(here, RTLD_LAZY | RTLD_LOCAL);
        if (!object) {
                say(STATUS_USAGE, "sim: --policy %s: %s", path, dlerror());
                return false;
        }
        ops = dlsym(object, SYMBOL);
        if (!ops) {
                say(STATUS_USAGE,
                    "sim: %s: it has no symbol `" SYMBOL "`: a policy in a shared object begins "
                    "`const struct pg_policy_ops " SYMBOL " = {`",
                    path);
                return false;
        }
        if (ops->size < offsetof(struct pg_policy_ops, queued) || ops->size > 4096) {
                say(STATUS_USAGE,
                    "sim: %s: the member `size` of `" SYMBOL "` is %zu, and no size of a struct "
                    "pg_policy_ops: it must be sizeof(struct pg_policy_ops)",
                    path, ops->size);
                return false;
        }
        member = missing(ops);
        if (member) {
                say(STATUS_USAGE, "sim: %s: `" SYMBOL "` has no `%s`, which every policy needs",
                    path, member);
                return false;
        }
        return add(o, ops);
}

bool sim_policy_add(struct sim_options *o, const char *word)
{
        const struct pg_policy_ops *ops;
        bool all = strcmp(word, "all") == 0;

        if (is_path(word))
                return add_object(o, word);
        if (!all && !(ops = pg_policy_find(word))) {
                char names[256] = "";

                for (unsigned i = 0; (ops = pg_policy_at(i)); i++)
                        snprintf(names + strlen(names), sizeof(names) - strlen(names), "%s, ",
                                 ops->name);
                say(STATUS_USAGE,
                    "sim: --policy %s: there is no such policy; there are %sall, and paths of "
                    "shared objects, ./%s.so",
                    word, names, word);
                return false;
        }
        if (!all)
                return add(o, ops);
        for (unsigned i = 0; (ops = pg_policy_at(i)); i++)
                if (!add(o, ops))
                        return false;
        return true;
}
