/* SPDX-License-Identifier: MIT */
/*
 * settings.c - reads and checks the UNPAGED_* variables.
 *
 * One table says which variables there are and how each is understood. What is wrong is said at the
 * first that is: with the name, the value, and what would be right, since the launcher shows it to
 * a person, and the preloaded library puts it into the log.
 */
#include "settings.h"
#include "machine.h"
#include "kernel_page.h"
#include "picture_name.h"
#include "policy_object.h"

#include <limits.h>
#include <string.h>
#include <unpaged/policy.h>

#define PAGE_SIZE_MAX     ((uint64_t)2 << 20)
#define SAMPLE_EVERY_MOST 1000000u

/* ---- sizes ---------------------------------------------------------------------------------- */

static uint64_t resolve_size(const struct size *size)
{
        return size->is_share ? size_share(size, machine_usable()) : size->bytes;
}

uint64_t settings_budget_default(void)
{
        struct size size;

        return size_read(BUDGET_DEFAULT, &size) ? 0 : resolve_size(&size);
}

/* ---- complaints ----------------------------------------------------------------------------- */

struct reading {
        struct settings *s;
        char *why;
        size_t size;
};

static void settings_put(struct reading *r, size_t *at, const char *text)
{
        for (; *text && *at + 1 < r->size; text++)
                r->why[(*at)++] = *text;
        if (r->size > 0)
                r->why[*at] = '\0';
}

/* "NAME=value: words", the value shortened where it is absurd; false for the reader to return. */
static bool wrong(struct reading *r, const char *name, const char *value, const char *words)
{
        char shown[128];
        size_t at = 0, len = strnlen(value, sizeof(shown) - 1);

        memcpy(shown, value, len);
        shown[len] = '\0';
        if (value[len])
                memcpy(shown + len - 3, "...", 3);
        settings_put(r, &at, name);
        settings_put(r, &at, "=");
        settings_put(r, &at, shown);
        settings_put(r, &at, ": ");
        settings_put(r, &at, words);
        return false;
}

/* ---- the variables, one reader each --------------------------------------------------------- */

static bool read_switch(const char *value, bool *on)
{
        bool yes = strcmp(value, "on") == 0 || strcmp(value, "1") == 0;

        *on = yes;
        return yes || strcmp(value, "off") == 0 || strcmp(value, "0") == 0;
}

static bool read_budget(struct reading *r, const char *name, const char *value)
{
        struct size size;

        if (size_read(value, &size))
                return wrong(r, name, value,
                             "not a size: " SIZE_FORM ", or N% (at most 100%) of the memory");
        r->s->budget = resolve_size(&size);
        if (r->s->budget > machine_memory())
                return wrong(r, name, value,
                             "more than this machine has; `unpaged check` shows how much that is");
        return true;
}

uint64_t settings_budget_least(const struct settings *s, char text[SIZE_TEXT])
{
        uint64_t least = (uint64_t)BUDGET_LEAST_PAGES * s->page_size;

        size_write(least, text);
        return least;
}

/* Known only when the page size is. */
static bool check_budget(struct reading *r, const char *name, const char *value)
{
        char words[128] = "too small: give at least ", least[SIZE_TEXT];
        struct reading whole = {.why = words, .size = sizeof(words)};
        size_t at = strlen(words);

        if (r->s->budget >= settings_budget_least(r->s, least))
                return true;
        settings_put(&whole, &at, least);
        settings_put(&whole, &at, ", which is 64 pages");
        return wrong(r, name, value, words);
}

static bool read_policy(struct reading *r, const char *name, const char *value)
{
        char words[256] = "no such policy; there are shared objects (PATH.so), and: ";
        struct reading list = {.why = words, .size = sizeof(words)};
        size_t at = strlen(words);
        const struct pg_policy_ops *ops;

        if (policy_is_object(value)) {
                r->s->policy_path = value;
                return true;
        }
        r->s->policy = value;
        if (pg_policy_find(value))
                return true;
        for (unsigned i = 0; (ops = pg_policy_at(i)); i++) {
                settings_put(&list, &at, i ? ", " : "");
                settings_put(&list, &at, ops->name);
        }
        return wrong(r, name, value, words);
}

static bool read_page_size(struct reading *r, const char *name, const char *value)
{
        uint64_t size;

        if (size_read_bytes(value, &size) || size < KERNEL_PAGE_SIZE || size > PAGE_SIZE_MAX ||
            (size & (size - 1)) != 0)
                return wrong(r, name, value, "must be a power of two from 4K to 2M");
        r->s->page_size = (size_t)size;
        return true;
}

/* "zram" has been read: [:algorithm][:LIMIT]. */
static bool read_zram(struct settings *s, const char *text)
{
        static const char *const algorithms[] = {"words", "lz4", "zstd"};
        const size_t count = sizeof(algorithms) / sizeof(algorithms[0]);
        struct size limit;

        if (!*text)
                return true;
        text++;
        if (*text < '0' || *text > '9') {
                size_t len = strcspn(text, ":"), i = 0;

                while (i < count &&
                       (strlen(algorithms[i]) != len || memcmp(algorithms[i], text, len) != 0))
                        i++;
                if (i == count)
                        return false;
                memcpy(s->swap_algorithm, algorithms[i], len + 1);
                text += len;
                if (!*text)
                        return true;
                text++;
        }
        if (size_read(text, &limit))
                return false;
        s->swap_limit = resolve_size(&limit);
        return true;
}

/* "file:" has been read: PATH[,force]. */
static bool read_swap_file(struct settings *s, const char *path)
{
        static const char force[] = ",force";
        size_t len = strlen(path), most = sizeof(s->swap_name);

        s->swap = SWAP_FILE;
        s->swap_path = path;
        if (len < strlen(force) || strcmp(path + len - strlen(force), force) != 0)
                return len > 0;
        len -= strlen(force);
        if (len == 0 || len >= most)
                return false;
        memcpy(s->swap_name, path, len);
        s->swap_name[len] = '\0';
        s->swap_path = s->swap_name;
        s->swap_force = true;
        return true;
}

static bool read_swap(struct reading *r, const char *name, const char *value)
{
        struct settings *s = r->s;

        if (strncmp(value, "file:", 5) == 0 && read_swap_file(s, value + 5))
                return true;
        s->swap = SWAP_ZRAM;
        if (strncmp(value, "zram", 4) == 0 && (!value[4] || value[4] == ':') &&
            read_zram(s, value + 4))
                return true;
        return wrong(
                r, name, value,
                "must be zram, zram:ALGORITHM, zram:LIMIT or zram:ALGORITHM:LIMIT, with words, "
                "lz4 or zstd and a limit such as 256M; or file:PATH or file:PATH,force");
}

#define SPILL_TIMES 4 /* of what zram may use, where no limit is given */

/* "file:" has been read: DIRECTORY[:LIMIT]. A colon without a limit behind it is of the name. */
static bool read_spill_file(struct settings *s, const char *path)
{
        const char *colon = strrchr(path, ':');
        size_t len = strlen(path);
        struct size limit;

        s->spill_path = path;
        if (!colon || size_read(colon + 1, &limit))
                return len > 0;
        len = (size_t)(colon - path);
        s->spill_limit = resolve_size(&limit);
        if (len == 0 || len >= sizeof(s->spill_name) || s->spill_limit == 0)
                return false;
        memcpy(s->spill_name, path, len);
        s->spill_name[len] = '\0';
        s->spill_path = s->spill_name;
        return true;
}

static bool read_spill(struct reading *r, const char *name, const char *value)
{
        struct settings *s = r->s;

        if (strcmp(value, "none") == 0)
                return true;
        if (strncmp(value, "file:", 5) != 0 || !read_spill_file(s, value + 5))
                return wrong(r, name, value,
                             "must be none, file:DIRECTORY or file:DIRECTORY:LIMIT, with a limit "
                             "such as 4G");
        if (s->swap != SWAP_ZRAM || s->swap_limit == 0)
                return wrong(r, name, value,
                             "goes with zram that has a limit, beyond which it spills: "
                             "zram:256M, for example");
        if (s->spill_limit == 0)
                s->spill_limit = SPILL_TIMES * s->swap_limit;
        if (s->spill_limit < s->page_size)
                return wrong(r, name, value, "has no room for a page");
        return true;
}

static bool read_delivery(struct reading *r, const char *name, const char *value)
{
        r->s->signal_delivery = strcmp(value, "signal") == 0;
        return r->s->signal_delivery || strcmp(value, "thread") == 0 ||
               wrong(r, name, value, "must be thread or signal");
}

static bool read_curve(struct reading *r, const char *name, const char *value)
{
        const char *why = picture_name_wrong(value);

        r->s->curve_path = value;
        return !why || wrong(r, name, value, why);
}

/* FILE[,N]: a comma and digits at the end are no part of the name. */
static bool read_sample(struct reading *r, const char *name, const char *value)
{
        struct settings *s = r->s;
        const char *comma = strrchr(value, ',');
        uint64_t every = 0;
        size_t len;

        s->sample_path = value;
        s->sample_every = SAMPLE_EVERY_DEFAULT;
        if (!comma || !comma[1] || comma[1 + strspn(comma + 1, "0123456789")])
                return true;
        for (const char *at = comma + 1; *at && every <= SAMPLE_EVERY_MOST; at++)
                every = every * 10 + (uint64_t)(*at - '0');
        len = (size_t)(comma - value);
        if (len == 0 || len >= sizeof(s->sample_name) || every == 0 || every > SAMPLE_EVERY_MOST)
                return wrong(r, name, value,
                             "must be FILE or FILE,N: one fault in N is sampled, from 1 to "
                             "1000000");
        memcpy(s->sample_name, value, len);
        s->sample_name[len] = '\0';
        s->sample_path = s->sample_name;
        s->sample_every = (unsigned)every;
        return true;
}

static bool read_children(struct reading *r, const char *name, const char *value)
{
        return read_switch(value, &r->s->children) || wrong(r, name, value, "must be on or off");
}

static bool read_wipe(struct reading *r, const char *name, const char *value)
{
        return read_switch(value, &r->s->wipe) || wrong(r, name, value, "must be 1 or 0");
}

static bool read_require(struct reading *r, const char *name, const char *value)
{
        return read_switch(value, &r->s->require) || wrong(r, name, value, "must be 1 or 0");
}

static bool read_quiet(struct reading *r, const char *name, const char *value)
{
        return read_switch(value, &r->s->quiet) || wrong(r, name, value, "must be 1 or 0");
}

static bool read_off(struct reading *r, const char *name, const char *value)
{
        return read_switch(value, &r->s->off) || wrong(r, name, value, "must be 1 or 0");
}

static bool read_stats_all(struct reading *r, const char *name, const char *value)
{
        return read_switch(value, &r->s->stats_all) || wrong(r, name, value, "must be 1 or 0");
}

#define TEXT(member) NULL, offsetof(struct settings, member)

static const struct {
        const char *name;
        bool (*read)(struct reading *r, const char *name, const char *value);
        size_t text; /* without read: where it is kept as it is */
} variables[] = {
        {"UNPAGED_OFF", read_off, 0}, /* first: switched off, the others do not matter */
        {"UNPAGED_PAGE_SIZE", read_page_size, 0},
        {"UNPAGED_BUDGET", read_budget, 0},
        {"UNPAGED_BUDGET", check_budget, 0},
        {"UNPAGED_POLICY", read_policy, 0},
        {"UNPAGED_SWAP", read_swap, 0},
        {"UNPAGED_SPILL", read_spill, 0}, /* after that */
        {"UNPAGED_WIPE", read_wipe, 0},
        {"UNPAGED_DELIVERY", read_delivery, 0},
        {"UNPAGED_STATS", TEXT(stats_path)},
        {"UNPAGED_STATS_JSON", TEXT(stats_json_path)},
        {"UNPAGED_STATS_ALL", read_stats_all, 0},
        {"UNPAGED_REPORT", TEXT(report_path)},
        {"UNPAGED_TRACE", TEXT(trace_path)},
        {"UNPAGED_CURVE", read_curve, 0},
        {"UNPAGED_SAMPLE", read_sample, 0},
        {"UNPAGED_OLD_TRACE", TEXT(old_trace)},
        {"UNPAGED_OLD_CURVE", TEXT(old_curve)},
        {"UNPAGED_OLD_SAMPLE", TEXT(old_sample)},
        {"UNPAGED_LOG", TEXT(log_path)},
        {"UNPAGED_CHILDREN", read_children, 0},
        {"UNPAGED_REQUIRE", read_require, 0},
        {"UNPAGED_ONLY", TEXT(allow)},
        {"UNPAGED_SKIP", TEXT(deny)},
        {"UNPAGED_QUIET", read_quiet, 0},
};

const char *settings_read(struct settings *s, const char *(*lookup)(const char *name), char *why,
                          size_t why_size)
{
        struct reading r = {s, why, why_size};

        *s = (struct settings){
                .page_size = KERNEL_PAGE_SIZE,
                .swap_algorithm = "words",
                .children = true,
        };
        for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]) && !s->off; i++) {
                const char *value = lookup(variables[i].name);

                if (!value || !*value)
                        continue;
                if (!variables[i].read)
                        memcpy((char *)s + variables[i].text, &value, sizeof(value));
                else if (!variables[i].read(&r, variables[i].name, value))
                        return why;
        }
        return NULL;
}

/* ---- names that are not ours ---------------------------------------------------------------- */

#define NAME_MOST 64u

static unsigned least_of(unsigned a, unsigned b, unsigned c)
{
        return a < b ? (a < c ? a : c) : b < c ? b : c;
}

static char lower(char c)
{
        return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

/* How many letters must be changed, inserted or left out to make one of the other (Levenshtein),
 * in either case and looking at no more than NAME_MOST of each. */
static unsigned distance(const char *from, const char *to)
{
        size_t m = strnlen(from, NAME_MOST), n = strnlen(to, NAME_MOST);
        unsigned row[NAME_MOST + 1];

        for (unsigned j = 0; j <= n; j++)
                row[j] = j;
        for (unsigned i = 1; i <= m; i++) {
                unsigned corner = row[0];

                row[0] = i;
                for (unsigned j = 1; j <= n; j++) {
                        unsigned changed = corner + (lower(from[i - 1]) != lower(to[j - 1]));

                        corner = row[j];
                        row[j] = least_of(row[j] + 1, row[j - 1] + 1, changed);
                }
        }
        return row[n];
}

const char *settings_nearest(const char *name)
{
        /* The library, the launcher and Zephyr's machine read these. */
        static const char *const others[] = {"UNPAGED_PRELOAD_PATH", "UNPAGED_MASK_FEATURES",
                                             "UNPAGED_TREE",         "UNPAGED_ZTEST",
                                             "UNPAGED_ZEPHYR_TRACE", "UNPAGED_ZEPHYR_FRAMES"};
        const size_t nvariables = sizeof(variables) / sizeof(variables[0]);
        const char *nearest = NULL;
        unsigned least = UINT_MAX;

        for (size_t i = 0; i < nvariables + sizeof(others) / sizeof(others[0]); i++) {
                const char *known = i < nvariables ? variables[i].name : others[i - nvariables];
                unsigned far = distance(name, known);

                if (strcmp(name, known) == 0)
                        return NULL;
                if (far >= least)
                        continue;
                least = far;
                nearest = known;
        }
        return nearest;
}

/* ---- lists of programs ---------------------------------------------------------------------- */

static bool list_names(const char *list, const char *name)
{
        size_t len = strlen(name);

        for (; *list; list += *list == ',') {
                size_t n = strcspn(list, ",");

                if (n == len && memcmp(list, name, n) == 0)
                        return true;
                list += n;
        }
        return false;
}

bool settings_let(const struct settings *s, const char *program)
{
        const char *slash = strrchr(program, '/');
        const char *name = slash ? slash + 1 : program;

        if (s->deny && list_names(s->deny, name))
                return false;
        return !s->allow || list_names(s->allow, name);
}
