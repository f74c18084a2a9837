/* SPDX-License-Identifier: MIT */
/* sim_options.c - what `unpaged sim` is asked for. */
#include "command.h"
#include "sim.h"
#include "size.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define QUEUE_MOST 50

enum option_key { FAR = 256, NEAR, STRICT, JSON, CHECK };

static const struct option longs[] = {
        {"policy", required_argument, NULL, 'p'}, {"budget", required_argument, NULL, 'b'},
        {"queue", required_argument, NULL, 'q'},  {"far", no_argument, NULL, FAR},
        {"near", no_argument, NULL, NEAR},        {"strict", no_argument, NULL, STRICT},
        {"json", no_argument, NULL, JSON},        {"check", no_argument, NULL, CHECK},
        {"help", no_argument, NULL, 'h'},         {0},
};

static int print_help(void)
{
        const struct pg_policy_ops *ops;

        printf("usage: unpaged sim [option...] TRACE...\n"
               "\n"
               "Replays traces in simulated pools, and says how often each policy misses: beside\n"
               "the optimum (MIN), true LRU and ARC, which see every access.\n"
               "\n"
               "  -p, --policy NAME|FILE.so  a policy, or all (default); again for more\n"
               "  -b, --budget SIZE|N%%       memory for pages; again for more (75%%, 50%%, 25%%, "
               "12.5%%)\n"
               "  -q, --queue PERCENT        share of the victim queue, 1 to 50 (20)\n"
               "      --near                 clean pages do not wait in it: zram, cached files "
               "(default)\n"
               "      --far                  they do: slow stores\n"
               "      --strict               no victim queue, one page at a time\n"
               "      --check                let the policies check themselves now and then\n"
               "      --json                 a line of JSON for each figure, no tables\n"
               "  -h, --help                 this text\n"
               "\n"
               "SIZE is a number with K, M, G or T; N%% is of the most pages that the trace has at "
               "once.\n"
               "TRACE is what `unpaged run --trace` and `unpaged trace` make; - is standard "
               "input.\n"
               "Policies:");
        for (unsigned i = 0; (ops = pg_policy_at(i)); i++)
                printf("%s %s", i ? "," : "", ops->name);
        printf(".\n");
        return output_status(0, STATUS_FAILED);
}

static bool read_budget(struct sim_options *o, const char *word)
{
        struct size size;
        struct sim_budget b;
        const char *wrong = size_read(word, &size);

        if (!wrong && (size.is_share ? size.share : size.bytes) == 0)
                wrong = "no page would have a place";
        if (wrong) {
                say(STATUS_USAGE,
                    "sim: --budget %s: %s. Give a size, such as 64M, or a percentage of the pages "
                    "of the trace, such as 12.5%%",
                    word, wrong);
                return false;
        }
        b.percent = size.is_share;
        b.amount = size.is_share ? (double)size.share / SIZE_MILLION : (double)size.bytes;
        if (o->nbudgets == SIM_BUDGETS_MOST) {
                say(STATUS_USAGE, "sim: more than %u budgets: leave some out", SIM_BUDGETS_MOST);
                return false;
        }
        o->budgets[o->nbudgets++] = b;
        return true;
}

static bool read_queue(struct sim_options *o, const char *word)
{
        uint64_t pct = 0;

        if (size_read_bytes(word, &pct) || pct < 1 || pct > QUEUE_MOST) {
                say(STATUS_USAGE,
                    "sim: --queue %s: must be a percentage from 1 to %d; for no queue: --strict",
                    word, QUEUE_MOST);
                return false;
        }
        o->queue_pct = (unsigned)pct;
        return true;
}

/* -1: go on; else the status to end with. */
static int read_one(struct sim_options *o, int key, char **argv)
{
        switch (key) {
        case 'h':
                return print_help();
        case 'p':
                return sim_policy_add(o, optarg) ? -1 : STATUS_USAGE;
        case 'b':
                return read_budget(o, optarg) ? -1 : STATUS_USAGE;
        case 'q':
                return read_queue(o, optarg) ? -1 : STATUS_USAGE;
        case FAR:
        case NEAR:
                o->far = key == FAR;
                return -1;
        case STRICT:
                o->strict = true;
                return -1;
        case JSON:
                o->json = true;
                return -1;
        case CHECK:
                o->check = true;
                return -1;
        case ':':
                return say(STATUS_USAGE, "sim: option %s needs a value: see `unpaged sim --help`",
                           argv[optind - 1]);
        default:
                return say(STATUS_USAGE,
                           "sim: option %s is not known, or takes no value: see `unpaged sim "
                           "--help`",
                           argv[optind - 1]);
        }
}

int sim_options_read(int argc, char **argv, struct sim_options *o)
{
        static const struct sim_budget usual[] = {{75, true}, {50, true}, {25, true}, {12.5, true}};
        int key, status;

        opterr = 0;
        optind = 1;
        while ((key = getopt_long(argc, argv, ":p:b:q:h", longs, NULL)) != -1)
                if ((status = read_one(o, key, argv)) >= 0)
                        return status;
        if (optind == argc)
                return say(STATUS_USAGE, "sim: which trace? See `unpaged sim --help`");
        if (o->strict && o->queue_pct)
                return say(STATUS_USAGE, "sim: --strict has no victim queue: leave --queue out");
        o->traces = argv + optind;
        o->ntraces = (unsigned)(argc - optind);
        if (o->npolicies == 0 && !sim_policy_add(o, "all"))
                return STATUS_FAILED;
        if (o->nbudgets == 0) {
                memcpy(o->budgets, usual, sizeof(usual));
                o->nbudgets = sizeof(usual) / sizeof(usual[0]);
        }
        return -1;
}
