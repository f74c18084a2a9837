/* SPDX-License-Identifier: MIT */
/* options.c - what to run, and how to say it again. */
#include "stress.h"
#include "size.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct options options = {
        .seconds = 5,
        .threads = 4,
        .delivery = PG_DELIVERY_THREAD,
        .store = STORE_ZRAM,
        .policy = "sieve",
        .frames = 64,
        .page_size = 4096,
};

static const char *const store_names[STORE_KINDS] = {
        [STORE_ZRAM] = "zram",         [STORE_ZSTD] = "zstd",     [STORE_FILE] = "file",
        [STORE_TIERED] = "tiered",     [STORE_CAPPED] = "capped", [STORE_OWN] = "own",
        [STORE_NOKEEP] = "own-nokeep", [STORE_FLAKY] = "flaky",
};

static const struct option names[] = {
        {"seconds", required_argument, NULL, 's'},
        {"threads", required_argument, NULL, 't'},
        {"delivery", required_argument, NULL, 'd'},
        {"store", required_argument, NULL, 'S'},
        {"policy", required_argument, NULL, 'p'},
        {"frames", required_argument, NULL, 'f'},
        {"page-size", required_argument, NULL, 'z'},
        {"pages", required_argument, NULL, 'n'},
        {"strict", no_argument, NULL, 'x'},
        {"queue-pct", required_argument, NULL, 'q'},
        {"trace", required_argument, NULL, 'T'},
        {"seed", required_argument, NULL, 'r'},
        {"all", no_argument, NULL, 'a'},
        {"kernel-swaps", no_argument, NULL, 'k'},
        {"verbose", no_argument, NULL, 'v'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
};

__attribute__((noreturn)) static void usage(int status)
{
        fprintf(status ? stderr : stdout,
                "usage: %s [--seconds N] [--threads N] [--delivery thread|signal]\n"
                "       [--store zram|zstd|file|tiered|capped|own|own-nokeep|flaky] [--policy "
                "NAME] "
                "[--frames "
                "N]\n"
                "       [--page-size SIZE] [--pages N] [--strict] [--queue-pct N] [--seed N]\n"
                "       [--trace FILE] [--kernel-swaps] [--all] [--verbose]\n"
                "--kernel-swaps: leave out what loses data there without us, too.\n"
                "--pages: in all mappings together; 0: some times the frames.\n"
                "--all: a new configuration every five seconds, as the seed says.\n",
                options.program);
        exit(status);
}

static enum store_kind store_parse(const char *name)
{
        for (unsigned kind = 0; kind < STORE_KINDS; kind++)
                if (strcmp(name, store_names[kind]) == 0)
                        return (enum store_kind)kind;
        fprintf(stderr, "no such store: %s\n", name);
        usage(2);
}

static uint64_t number(const char *value)
{
        uint64_t number = 0;
        const char *wrong = size_read_bytes(value, &number);

        if (wrong) {
                fprintf(stderr, "%s: %s\n", value, wrong);
                usage(2);
        }
        return number;
}

static void option_set(int option, const char *value)
{
        switch (option) {
        case 's':
                options.seconds = atof(value);
                break;
        case 't':
                options.threads = (unsigned)number(value);
                break;
        case 'd':
                options.delivery =
                        strcmp(value, "signal") ? PG_DELIVERY_THREAD : PG_DELIVERY_SIGNAL;
                break;
        case 'S':
                options.store = store_parse(value);
                break;
        case 'p':
                options.policy = value;
                break;
        case 'f':
                options.frames = (unsigned)number(value);
                break;
        case 'z':
                options.page_size = number(value);
                break;
        case 'n':
                options.pages = (unsigned)number(value);
                break;
        case 'x':
                options.strict = true;
                break;
        case 'q':
                options.queue_pct = (unsigned)number(value);
                break;
        case 'T':
                options.trace = value;
                break;
        case 'r':
                options.seed = number(value);
                break;
        case 'a':
                options.all = true;
                break;
        case 'k':
                options.swaps = true;
                break;
        case 'v':
                options.verbose = true;
                break;
        case 'h':
                usage(0);
        default:
                usage(2);
        }
}

void options_parse(int argc, char **argv)
{
        struct timespec now;
        int option;

        options.program = argv[0];
        while ((option = getopt_long(argc, argv, "", names, NULL)) != -1)
                option_set(option, optarg);
        if (optind < argc || options.threads < 1 || options.threads > THREADS_MAX)
                usage(2);
        clock_gettime(CLOCK_REALTIME, &now);
        if (options.seed == 0)
                options.seed = (uint64_t)now.tv_nsec ^ (uint64_t)now.tv_sec << 20;
        options.mask = getenv("UNPAGED_MASK_FEATURES");
}

static uint64_t one_of(uint64_t *random, const uint64_t *values, size_t n)
{
        return values[random_next(random) % n];
}

void options_shuffle(uint64_t *random)
{
        static const uint64_t frames[] = {4, 5, 8, 12, 16, 31, 64, 200, 1000};
        static const uint64_t sizes[] = {4096, 4096, 4096, 4096, 16384, 65536, 2u << 20};
        static const char *const masks[] = {NULL,
                                            NULL,
                                            NULL,
                                            "move",
                                            "poison",
                                            "thread_id",
                                            "move,poison",
                                            "uring",
                                            "presence",
                                            "near",
                                            "predict",
                                            "readahead",
                                            "near,predict,readahead"};

        options.seed = random_next(random) | 1;
        options.threads = 1 + (unsigned)(random_next(random) % 6);
        options.delivery = random_next(random) % 2 ? PG_DELIVERY_SIGNAL : PG_DELIVERY_THREAD;
        options.store = (enum store_kind)(random_next(random) % STORE_KINDS);
        options.policy = pg_policy_at((unsigned)(random_next(random) % 5))->name;
        options.frames = (unsigned)one_of(random, frames, sizeof(frames) / sizeof(frames[0]));
        options.page_size = one_of(random, sizes, sizeof(sizes) / sizeof(sizes[0]));
        if (options.page_size > 65536 && options.frames > 16)
                options.frames = 16;
        options.strict = random_next(random) % 4 == 0 && options.store != STORE_CAPPED;
        options.queue_pct = (unsigned)(random_next(random) % 51);
        options.mask = masks[random_next(random) % (sizeof(masks) / sizeof(masks[0]))];
        if (options.mask)
                setenv("UNPAGED_MASK_FEATURES", options.mask, 1);
        else
                unsetenv("UNPAGED_MASK_FEATURES");
}

void options_print(void)
{
        fprintf(stderr, "%s%s%s%s --seconds %g --threads %u --delivery %s --store %s --policy %s",
                options.mask ? "UNPAGED_MASK_FEATURES=" : "", options.mask ? options.mask : "",
                options.mask ? " " : "", options.program, options.seconds, options.threads,
                options.delivery == PG_DELIVERY_SIGNAL ? "signal" : "thread",
                store_names[options.store], options.policy);
        fprintf(stderr, " --frames %u --page-size %zu --pages %u%s%s --queue-pct %u --seed %llu\n",
                options.frames, options.page_size, options.pages, options.strict ? " --strict" : "",
                options.swaps ? " --kernel-swaps" : "", options.queue_pct,
                (unsigned long long)options.seed);
}

bool feature_is_masked(const char *feature)
{
        return options.mask && strstr(options.mask, feature) != NULL;
}

size_t options_memory(unsigned frames)
{
        return ((size_t)640 << 10) + (frames + 24) * options.page_size;
}
