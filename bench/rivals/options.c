/* SPDX-License-Identifier: MIT */
/* options.c - the command line: names are checked against the tables, numbers for sense. */
#include "options.h"
#include "size.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

typedef const char *(*name_at)(unsigned i); /* NULL beyond the last */

static const char *workload_at(unsigned i)
{
        return workloads[i].name;
}

static const char *subject_at(unsigned i)
{
        return subjects[i].name;
}

static const char *data_at(unsigned i)
{
        return i < DATA_KINDS ? data_names[i] : NULL;
}

static void misuse(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

static void misuse(const char *format, ...)
{
        va_list arguments;

        fprintf(stderr, "rivals: ");
        va_start(arguments, format);
        vfprintf(stderr, format, arguments);
        va_end(arguments);
        fprintf(stderr, "; --help lists the options\n");
        exit(2);
}

static uint32_t pick(const char *option, char *list, name_at at)
{
        uint32_t picked = 0;
        char *rest = NULL;

        for (char *word = strtok_r(list, ",", &rest); word; word = strtok_r(NULL, ",", &rest)) {
                unsigned i = 0;

                while (at(i) && strcmp(at(i), word) != 0)
                        i++;
                if (!at(i)) {
                        fprintf(stderr, "rivals: --%s: there is no '%s'; there are:", option, word);
                        for (i = 0; at(i); i++)
                                fprintf(stderr, " %s", at(i));
                        fprintf(stderr, "\n");
                        exit(2);
                }
                picked |= 1u << i;
        }
        if (!picked)
                misuse("--%s wants a name or several, with commas between", option);
        return picked;
}

static uint64_t number(const char *option, const char *text, uint64_t least, uint64_t most)
{
        uint64_t value;
        const char *wrong = size_read_bytes(text, &value);

        if (wrong)
                misuse("--%s wants a number, not '%s', which is %s", option, text, wrong);
        if (value < least || value > most)
                misuse("--%s wants a number from %llu to %llu, not %s", option,
                       (unsigned long long)least, (unsigned long long)most, text);
        return value;
}

static void read_overcommit(struct options *o, char *list)
{
        char *rest = NULL, *end;

        o->overcommits = 0;
        for (char *word = strtok_r(list, ",", &rest); word; word = strtok_r(NULL, ",", &rest)) {
                double value = strtod(word, &end);

                if (*end || !(value >= 1 && value <= 1024) || o->overcommits == MAX_LIST)
                        misuse("--overcommit wants at most %u numbers from 1 to 1024, not '%s'",
                               MAX_LIST, word);
                o->overcommit[o->overcommits++] = value;
        }
        if (!o->overcommits)
                misuse("--overcommit wants a number");
}

static void read_threads(struct options *o, char *list)
{
        char *rest = NULL;

        o->thread_counts = 0;
        for (char *word = strtok_r(list, ",", &rest); word; word = strtok_r(NULL, ",", &rest)) {
                if (o->thread_counts == MAX_LIST)
                        misuse("--threads takes at most %u numbers", MAX_LIST);
                o->threads[o->thread_counts++] = (unsigned)number("threads", word, 1, MAX_THREADS);
        }
        if (!o->thread_counts)
                misuse("--threads wants a number");
}

/* 0,2 or 0-3, as taskset(1). */
static void read_cpus(struct options *o, char *list)
{
        char *rest = NULL;

        CPU_ZERO(&o->cpus);
        for (char *word = strtok_r(list, ",", &rest); word; word = strtok_r(NULL, ",", &rest)) {
                char *dash = strchr(word, '-');
                uint64_t first, last;

                if (dash)
                        *dash = '\0';
                first = number("cpus", word, 0, CPU_SETSIZE - 1);
                last = dash ? number("cpus", dash + 1, first, CPU_SETSIZE - 1) : first;
                for (uint64_t cpu = first; cpu <= last; cpu++)
                        CPU_SET(cpu, &o->cpus);
        }
        if (!CPU_COUNT(&o->cpus))
                misuse("--cpus wants a list of CPUs");
        o->pinned = true;
}

static void print_list(void)
{
        printf("workloads (--workloads):\n");
        for (const struct workload *w = workloads; w->name; w++)
                printf("  %-18s %s\n", w->name, w->about);
        printf("data (--data):\n");
        for (unsigned i = 0; i < DATA_KINDS; i++)
                printf("  %-18s %s\n", data_names[i], data_abouts[i]);
        printf("subjects (--subjects):\n");
        for (const struct subject *s = subjects; s->name; s++)
                printf("  %-18s %s\n", s->name, s->about);
}

static void print_help(void)
{
        printf("bench-rivals [option...]: paging by unpaged beside its rivals, in turn, on the "
               "same accesses\n\n"
               "  --workloads LIST    which (all); names with commas between; --list has them\n"
               "  --data LIST         what stands in the pages (all)\n"
               "  --subjects LIST     who runs (all)\n"
               "  --budget BYTES      memory for pages (16M); K, M, G\n"
               "  --overcommit LIST   size of the data in budgets (4)\n"
               "  --threads LIST      (1)\n"
               "  --pairs N           runs of each subject, in turn (5)\n"
               "  --accesses N        of a run, by all threads (1 to 4 times the pages)\n"
               "  --room BYTES        what the kernel's cgroup has beside budget and page tables "
               "(1M)\n"
               "  --cpus LIST         where the runs may run: 0,2-3 (everywhere)\n"
               "  --timeout SECONDS   after which a run counts as failed (300)\n"
               "  --targets           at the end, the goals: reached or missed\n"
               "  --scale             instead: a fault as pages, the budget or threads grow\n"
               "  --scale-max-pages N where that ends (1048576)\n"
               "  --json FILE         append a line for each run and each median\n"
               "  --list, --help\n\n"
               "Exit status: 0; 1: a word was wrong, or a run failed; 2: misuse. bench/README.md "
               "has the rules.\n");
}

enum {
        OPTION_WORKLOADS = 1,
        OPTION_DATA,
        OPTION_SUBJECTS,
        OPTION_BUDGET,
        OPTION_OVERCOMMIT,
        OPTION_THREADS,
        OPTION_PAIRS,
        OPTION_ACCESSES,
        OPTION_ROOM,
        OPTION_CPUS,
        OPTION_TIMEOUT,
        OPTION_TARGETS,
        OPTION_SCALE,
        OPTION_SCALE_MAX,
        OPTION_JSON,
        OPTION_LIST,
        OPTION_HELP,
};

static const struct option known[] = {
        {"workloads", required_argument, NULL, OPTION_WORKLOADS},
        {"data", required_argument, NULL, OPTION_DATA},
        {"subjects", required_argument, NULL, OPTION_SUBJECTS},
        {"budget", required_argument, NULL, OPTION_BUDGET},
        {"overcommit", required_argument, NULL, OPTION_OVERCOMMIT},
        {"threads", required_argument, NULL, OPTION_THREADS},
        {"pairs", required_argument, NULL, OPTION_PAIRS},
        {"accesses", required_argument, NULL, OPTION_ACCESSES},
        {"room", required_argument, NULL, OPTION_ROOM},
        {"cpus", required_argument, NULL, OPTION_CPUS},
        {"timeout", required_argument, NULL, OPTION_TIMEOUT},
        {"targets", no_argument, NULL, OPTION_TARGETS},
        {"scale", no_argument, NULL, OPTION_SCALE},
        {"scale-max-pages", required_argument, NULL, OPTION_SCALE_MAX},
        {"json", required_argument, NULL, OPTION_JSON},
        {"list", no_argument, NULL, OPTION_LIST},
        {"help", no_argument, NULL, OPTION_HELP},
        {0},
};

static void open_json(struct options *o, const char *path)
{
        o->json = fopen(path, "ae");
        if (!o->json)
                misuse("--json: %s: %s", path, strerror(errno));
}

static void take(struct options *o, int option, char *value)
{
        switch (option) {
        case OPTION_WORKLOADS:
                o->workloads = pick("workloads", value, workload_at);
                break;
        case OPTION_SUBJECTS:
                o->subjects = pick("subjects", value, subject_at);
                break;
        case OPTION_DATA:
                o->data = pick("data", value, data_at);
                o->data_given = true;
                break;
        case OPTION_BUDGET:
                o->budget = number("budget", value, 256 << 10, 1ull << 40);
                break;
        case OPTION_OVERCOMMIT:
                read_overcommit(o, value);
                break;
        case OPTION_THREADS:
                read_threads(o, value);
                break;
        case OPTION_PAIRS:
                o->pairs = (unsigned)number("pairs", value, 1, 1000);
                break;
        case OPTION_ACCESSES:
                o->accesses = number("accesses", value, 64, 1ull << 32);
                break;
        case OPTION_ROOM:
                o->room = number("room", value, 64 << 10, 1ull << 40);
                break;
        case OPTION_CPUS:
                read_cpus(o, value);
                break;
        case OPTION_TIMEOUT:
                o->timeout = (unsigned)number("timeout", value, 1, 86400);
                break;
        case OPTION_TARGETS:
                o->targets = true;
                break;
        case OPTION_SCALE:
                o->scale = true;
                break;
        case OPTION_SCALE_MAX:
                o->scale_max_pages = number("scale-max-pages", value, 1 << 14, 1 << 28);
                break;
        case OPTION_JSON:
                open_json(o, value);
                break;
        case OPTION_LIST:
                print_list();
                exit(0);
        case OPTION_HELP:
                print_help();
                exit(0);
        default:
                fprintf(stderr, "rivals: --help lists the options\n");
                exit(2);
        }
}

void options_read(struct options *o, int argc, char **argv)
{
        int option;

        *o = (struct options){.budget = 16 << 20,
                              .room = 1 << 20,
                              .overcommit = {4},
                              .overcommits = 1,
                              .threads = {1},
                              .thread_counts = 1,
                              .data = UINT32_MAX,
                              .workloads = UINT32_MAX,
                              .subjects = UINT32_MAX,
                              .pairs = 5,
                              .timeout = 300,
                              .scale_max_pages = 1 << 20};
        while ((option = getopt_long(argc, argv, "", known, NULL)) >= 0)
                take(o, option, optarg);
        if (optind < argc)
                misuse("'%s' is no option", argv[optind]);
}
