/* SPDX-License-Identifier: MIT */
/* sim_policy.c - policies by name, or in a shared object. */
#include "command.h"
#include "policy_object.h"
#include "sim.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

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

static bool add_object(struct sim_options *o, const char *path)
{
        char why[PATH_MAX + 256];
        /* Not bound at once: it may be a program as well, whose calls of the library are not made
         * here. */
        const struct pg_policy_ops *ops = policy_object_load(path, false, why, sizeof(why));

        if (ops)
                return add(o, ops);
        say(STATUS_USAGE, "sim: --policy %s: %s", path, why);
        return false;
}

bool sim_policy_add(struct sim_options *o, const char *word)
{
        const struct pg_policy_ops *ops;
        bool all = strcmp(word, "all") == 0;

        if (policy_is_object(word))
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
