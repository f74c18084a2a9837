/* SPDX-License-Identifier: MIT */
/*
 * launcher_run.c - `unpaged run`: turns options into UNPAGED_* variables and executes the program.
 *
 * Options win over variables that are already there. What an option says is checked by the same
 * code that will read the variable in the program (settings.c), so the two cannot disagree; here is
 * only added what concerns this moment: paths become absolute, since processes change their
 * directory, and files are tried, since an error is best told before the program begins.
 *
 * The launcher is replaced by the program: status, signals, process id and descriptors are its own.
 */
#include "launcher.h"
#include "claim.h"
#include "elf.h"
#include "out_file.h"
#include "policy_object.h"
#include "settings.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <unpaged/policy.h>
#include <unpaged/unpaged.h>

/* ---- options -------------------------------------------------------------------------------- */

enum row {
        BUDGET,
        POLICY,
        PAGE_SIZE,
        SWAP,
        SPILL,
        WIPE,
        DELIVERY,
        CHILDREN,
        STATS,
        STATS_JSON,
        STATS_ALL,
        TRACE,
        CURVE,
        SAMPLE,
        LOG,
        VERBOSE,
        REQUIRE,
        QUIET,
        ROWS
};

static const struct {
        const char *name;
        int letter;
        const char *argument; /* NULL: it has none, and sets the variable to `fixed` */
        const char *variable;
        const char *fixed;
        const char *help;
} table[ROWS] = {
        [BUDGET] = {"budget", 'b', "SIZE|N%", "UNPAGED_BUDGET", NULL,
                    "memory each process may use for pages (" BUDGET_DEFAULT ")"},
        [POLICY] = {"policy", 'p', "NAME|FILE.so", "UNPAGED_POLICY", NULL,
                    "which page goes out; a shared object has its own way"},
        [PAGE_SIZE] = {"page-size", 0, "SIZE", "UNPAGED_PAGE_SIZE", NULL,
                       "what is moved at once: 4K (default) to 2M"},
        [SWAP] = {"swap", 's', "WHERE", "UNPAGED_SWAP", NULL,
                  "zram[:ALGORITHM][:LIMIT] (default zram:words), or file:PATH[,force]"},
        [SPILL] = {"spill", 0, "WHERE", "UNPAGED_SPILL", NULL,
                   "none (default), or file:DIRECTORY[:LIMIT], for what exceeds zram's limit"},
        [WIPE] = {"wipe", 0, NULL, "UNPAGED_WIPE", "1",
                  "overwrite what was in the swap store when it is freed"},
        [DELIVERY] = {"delivery", 'd', "HOW", "UNPAGED_DELIVERY", NULL,
                      "thread (default), or signal"},
        [CHILDREN] = {"children", 'c', "on|off", "UNPAGED_CHILDREN", NULL,
                      "page what the program executes, too (on)"},
        [STATS] = {"stats", 'o', "FILE", "UNPAGED_STATS", NULL,
                   "append a report when the program ends; -: standard error"},
        [STATS_JSON] = {"stats-json", 0, "FILE", "UNPAGED_STATS_JSON", NULL,
                        "the same as JSON, on a line"},
        [STATS_ALL] = {"stats-all", 0, NULL, "UNPAGED_STATS_ALL", "1",
                       "list also the processes that never evicted a page"},
        [TRACE] = {"trace", 't', "FILE", "UNPAGED_TRACE", NULL,
                   "record what happens to its pages; see `unpaged trace`"},
        [CURVE] = {"curve", 0, "FILE.svg", "UNPAGED_CURVE", NULL,
                   "how much memory would have been enough: a picture, and a sentence"},
        [SAMPLE] = {"sample", 0, "FILE[,N]", "UNPAGED_SAMPLE", NULL,
                    "where in the program its faults come from: folded stacks, of one in N"},
        [LOG] = {"log", 'l', "FILE", "UNPAGED_LOG", NULL,
                 "append a line when something is worth telling"},
        [VERBOSE] = {"verbose", 'v', NULL, "UNPAGED_LOG", "-", "say such things on standard error"},
        [REQUIRE] = {"require", 'r', NULL, "UNPAGED_REQUIRE", "1",
                     "fail where the program would run unpaged"},
        [QUIET] = {"quiet", 'q', NULL, "UNPAGED_QUIET", "1",
                   "not a word where something cannot be had"},
};

/* What was given, by row; the last one of several. */
struct options {
        const char *value[ROWS];
};

#define LONG_BASE 256
#define HELP      'h'

static int run_help(void)
{
        const struct pg_policy_ops *ops;

        printf("usage: unpaged run [option...] [--] PROGRAM [argument...]\n"
               "\n"
               "Runs the program with its heap and its large anonymous memory paged.\n"
               "\n");
        for (int i = 0; i < ROWS; i++) {
                char left[40], letter[8] = "   ";

                if (table[i].letter)
                        snprintf(letter, sizeof(letter), "-%c,", table[i].letter);
                snprintf(left, sizeof(left), "%s --%s %s", letter, table[i].name,
                         table[i].argument ? table[i].argument : "");
                printf("  %-24s %s\n", left, table[i].help);
        }
        printf("  %-24s %s\n", "-h, --help", "this text");
        printf("\n"
               "SIZE is a number with K, M, G or T; N%% is of the machine's memory, or of the "
               "cgroup's.\n"
               "Policies:");
        for (unsigned i = 0; (ops = pg_policy_at(i)); i++)
                printf("%s %s%s", i ? "," : "", ops->name,
                       strcmp(ops->name, "sieve") == 0 ? " (default)" : "");
        printf(".\n");
        return output_status(0, STATUS_REFUSED);
}

static int row_of(int letter)
{
        if (letter >= LONG_BASE)
                return letter - LONG_BASE;
        for (int i = 0; i < ROWS; i++)
                if (letter && table[i].letter == letter)
                        return i;
        return -1;
}

/* The complaint about the option that getopt_long stopped at. */
static int run_complain(int what, char **argv)
{
        int row = row_of(optopt);
        const char *word = argv[optind - 1];

        if (what == ':' && row >= 0)
                return say(STATUS_REFUSED, "option --%s needs a value: --%s %s", table[row].name,
                           table[row].name, table[row].argument);
        if (optopt >= LONG_BASE || (optopt == HELP && strncmp(word, "--", 2) == 0))
                return say(STATUS_REFUSED, "option --%s takes no value: leave it out",
                           row >= 0 ? table[row].name : "help");
        if (optopt)
                return say(STATUS_REFUSED,
                           "option -%c: there is none; see `unpaged run --help`, and put -- before "
                           "the program",
                           optopt);
        return say(STATUS_REFUSED,
                   "option %s: there is none, or more than one begins like this; see `unpaged run "
                   "--help`",
                   word);
}

/* -1: go on; else the status to end with. */
static int run_read_options(int argc, char **argv, struct options *o)
{
        struct option longs[ROWS + 2] = {{0}};
        char shorts[3 * ROWS + 8] = "+:h"; /* they end where the program begins */
        int what;

        for (int i = 0; i < ROWS; i++) {
                size_t at = strlen(shorts);
                int has = table[i].argument ? required_argument : no_argument;

                longs[i] = (struct option){table[i].name, has, NULL, LONG_BASE + i};
                if (table[i].letter)
                        snprintf(shorts + at, sizeof(shorts) - at, "%c%s", table[i].letter,
                                 has ? ":" : "");
        }
        longs[ROWS] = (struct option){"help", no_argument, NULL, HELP};
        opterr = 0;
        while ((what = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
                int row = row_of(what);

                if (what == HELP)
                        return run_help();
                if (row < 0)
                        return run_complain(what, argv);
                if (table[row].argument && !*optarg)
                        return say(STATUS_REFUSED, "option --%s needs a value: --%s %s",
                                   table[row].name, table[row].name, table[row].argument);
                o->value[row] = table[row].argument ? optarg : table[row].fixed;
        }
        return -1;
}

/* ---- variables ------------------------------------------------------------------------------ */

static const char *absolute(const char *prefix, const char *path)
{
        char *here = path[0] == '/' ? NULL : getcwd(NULL, 0), *whole;

        if ((path[0] != '/' && !here) ||
            asprintf(&whole, "%s%s%s%s", prefix, here ? here : "", here ? "/" : "", path) < 0)
                return NULL;
        return whole;
}

/* The value as the program's processes should have it; NULL: there is no working directory. */
static const char *lasting(enum row row, const char *value)
{
        if ((row == STATS || row == STATS_JSON || row == LOG) && strcmp(value, "-") != 0)
                return absolute("", value);
        if (row == TRACE || row == CURVE || row == SAMPLE)
                return absolute("", value);
        if (row == POLICY && policy_is_object(value))
                return absolute("", value);
        if ((row == SWAP || row == SPILL) && strncmp(value, "file:", 5) == 0 && value[5])
                return absolute("file:", value + 5);
        return value;
}

static int set_variables(const struct options *o)
{
        for (enum row row = 0; row < ROWS; row++) {
                const char *value = o->value[row];

                /* --log names the file also where --verbose speaks on standard error. */
                if (!value || (row == VERBOSE && o->value[LOG]))
                        continue;
                value = lasting(row, value);
                if (!value)
                        return say(STATUS_REFUSED,
                                   "option --%s %s: the working directory cannot be named (%s); "
                                   "give a path from the root",
                                   table[row].name, o->value[row], strerror(errno));
                if (setenv(table[row].variable, value, 1) != 0)
                        return say(STATUS_REFUSED, "%s: %s", table[row].variable, strerror(errno));
        }
        return -1;
}

static const char *run_lookup(const char *name)
{
        return secure_getenv(name);
}

/* settings.c speaks of variables; who gave an option wants to hear of that. */
static int complain_of_setting(const struct options *o, const char *why)
{
        for (enum row row = 0; row < ROWS; row++) {
                size_t len = strlen(table[row].variable);

                if (o->value[row] && table[row].argument &&
                    strncmp(why, table[row].variable, len) == 0 && why[len] == '=')
                        return say(STATUS_REFUSED, "option --%s %s", table[row].name,
                                   why + len + 1);
        }
        return say(STATUS_REFUSED, "%s", why);
}

/* It is loaded as the program's processes will load it. */
static int check_policy(const struct options *o, const char *path)
{
        char why[2 * PATH_MAX], setting[3 * PATH_MAX];

        if (!path || policy_object_load(path, true, why, sizeof(why)))
                return -1;
        snprintf(setting, sizeof(setting), "UNPAGED_POLICY=%s: %s", path, why);
        return complain_of_setting(o, setting);
}

static int check_appendable(const char *variable, const char *path)
{
        int fd;

        if (!path || strcmp(path, "-") == 0)
                return -1;
        fd = out_file_append(path);
        if (fd < 0 && fd != -ENXIO) /* a FIFO that nobody reads yet is as good */
                return say(STATUS_REFUSED, "%s %s: %s; name a file that can be written", variable,
                           path, out_file_why(fd));
        if (fd >= 0)
                close(fd);
        return -1;
}

/* The first process that is paged will replace it, if it is what it is now: `variable` says which
 * file that is. */
static int check_replaceable(const char *what, const char *path, const char *variable)
{
        struct out_file file;
        struct stat st;
        char id[CLAIM_ID];
        int fd;

        if (!path)
                return -1;
        if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
                return say(STATUS_REFUSED, "%s %s: it must be a file, or not exist", what, path);
        claim_id(path, id);
        fd = out_file_follow(path, file.path);
        if (fd == 0 && access(path, W_OK) != 0)
                fd = errno == ENOENT ? out_file_begin(&file, path, 0600) : -errno;
        if (fd > 0) {
                close(fd);
                out_file_abandon(&file);
        }
        if (fd < 0)
                return say(STATUS_REFUSED, "%s %s: %s; name a file that can be written", what, path,
                           out_file_why(fd));
        claim_drop(path);
        if (setenv(variable, id, 1) != 0)
                return say(STATUS_REFUSED, "%s: %s", variable, strerror(errno));
        return -1;
}

static int run_settle(const struct options *o, struct settings *s)
{
        char why[512], bytes[32], least[SIZE_TEXT];
        int status = set_variables(o);

        if (status >= 0)
                return status;
        if (settings_read(s, run_lookup, why, sizeof(why)))
                return complain_of_setting(o, why);
        if (s->off)
                return -1;
        report_budget(s->budget ? run_lookup("UNPAGED_BUDGET") : NULL);
        if (s->budget == 0 && (s->budget = settings_budget_default()) == 0)
                return say(STATUS_REFUSED,
                           "how much memory there is cannot be told; give --budget");
        if (s->budget < settings_budget_least(s, least))
                return say(STATUS_REFUSED,
                           "%s of the memory is too small a budget for such pages: give --budget "
                           "%s, or smaller pages",
                           BUDGET_DEFAULT, least);
        /* A share is taken once, here: every process of the tree gets the same. */
        snprintf(bytes, sizeof(bytes), "%llu", (unsigned long long)s->budget);
        if (setenv("UNPAGED_BUDGET", bytes, 1) != 0)
                return say(STATUS_REFUSED, "UNPAGED_BUDGET: %s", strerror(errno));
        status = check_policy(o, s->policy_path);
        if (status < 0)
                status = check_appendable("statistics file", s->stats_path);
        if (status < 0)
                status = check_appendable("statistics file", s->stats_json_path);
        if (status < 0)
                status = check_appendable("log file", s->log_path);
        if (status < 0 && s->trace_path && !strstr(s->trace_path, "%p"))
                status = check_replaceable("trace", s->trace_path, "UNPAGED_OLD_TRACE");
        if (status < 0)
                status = check_replaceable("curve", s->curve_path, "UNPAGED_OLD_CURVE");
        if (status < 0)
                status = check_replaceable("samples", s->sample_path, "UNPAGED_OLD_SAMPLE");
        return status < 0 ? swap_check(s) : status;
}

/* ---- the program ---------------------------------------------------------------------------- */

/* Leaves to the library what it will say itself. */
static const char *refusal(const struct settings *s, const struct elf_verdict *v)
{
        return s->off ? "UNPAGED_OFF is set" : v->refusal;
}

/* Leaves LD_PRELOAD as the program must see it. -1: go on. */
static int run_prepare(const struct options *o, const struct settings *s, const char *program)
{
        char library[PATH_MAX], why[PATH_MAX + 512];
        struct elf_verdict verdict = elf_judge(program);
        const char *reason = refusal(s, &verdict);
        bool require = s->require || o->value[REQUIRE], with;
        bool speak = !s->quiet && !o->value[QUIET];

        if (require && !settings_let(s, program))
                reason = "UNPAGED_ONLY or UNPAGED_SKIP says so";
        if (reason && require)
                return say(STATUS_REFUSED, "%s: would run unpaged, and --require forbids it: %s",
                           program, reason);
        if (!preload_find(library, why, sizeof(why)))
                return s->off ? -1 : say(STATUS_REFUSED, "%s", why);
        if (require && probe_pool(s->signal_delivery, why, sizeof(why)) != 0)
                return say(STATUS_REFUSED, "%s: would run unpaged, and --require forbids it: %s",
                           program, why);
        if (speak && !s->off)
                words_misspelt();
        if (reason)
                words_unpaged(s, program, reason, o->value[VERBOSE] || (speak && !s->off));
        /* Where the library is only ignored, it stays for what the program executes. */
        with = !s->off && !verdict.harmed && (!verdict.refusal || s->children);
        if (!(with ? preload_set(library) : preload_drop(library)))
                return say(STATUS_REFUSED, "LD_PRELOAD: %s", strerror(errno));
        if (!report_prepare(s, o->value[STATS] || o->value[STATS_JSON], with && !reason, program))
                return say(STATUS_REFUSED, "UNPAGED_REPORT: %s", strerror(errno));
        if (!words_for_tree(with && speak && !reason))
                return say(STATUS_REFUSED, "UNPAGED_TREE: %s", strerror(errno));
        return -1;
}

int run_main(int argc, char **argv)
{
        struct options o = {{NULL}};
        struct settings s;
        char path[PATH_MAX];
        int error, status = run_read_options(argc, argv, &o);

        if (status >= 0)
                return status;
        argv += optind;
        if (!*argv)
                return say(STATUS_REFUSED,
                           "no program given: unpaged run [option...] -- PROGRAM [argument...]");
        status = run_settle(&o, &s);
        if (status >= 0)
                return status;
        error = program_find(*argv, path);
        if (!error) {
                status = run_prepare(&o, &s, path);
                if (status >= 0)
                        return status;
                execvp(path, argv);
                error = errno;
                report_give_up();
                errno = error;
                if (errno == ENOENT)
                        return say(STATUS_CANNOT_RUN,
                                   "%s: its interpreter or loader does not exist", path);
                error = errno;
        }
        return say(error == ENOENT ? STATUS_NOT_FOUND : STATUS_CANNOT_RUN, "%s: %s%s", *argv,
                   strerror(error),
                   error == ENOENT && !strchr(*argv, '/') ? " (in no directory of PATH)" : "");
}
