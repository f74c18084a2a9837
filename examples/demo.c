/* SPDX-License-Identifier: MIT */
/*
 * demo.c - the library at its main work, on real input: 384 MiB of data in 32 MiB of memory.
 *
 * A file of 256 MiB is mapped, beside 128 MiB of anonymous memory, in one pool. Both are worked
 * through: checksummed, copied, sorted, changed. Every result is compared with what plain tools say
 * of the same data. Progress is shown meanwhile, and what happened at the end.
 *
 *         demo.c         options; the steps in order
 *         demo_input.c   a real file, made of the machine's own
 *         demo_work.c    the work, and the comparisons
 *         demo_report.c  progress and the final table
 *
 * Exit status: 0 all comparisons were good, 1 one was not or the work could not be done, 2 usage.
 */
#include "demo.h"

#include <unpaged/policy.h>
#include <unpaged/stores.h>

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define INPUT_BYTES (256 * MIB)
#define KEYS_MOST   ((size_t)16 << 20)
#define KEY_BYTES   (2 * sizeof(uint64_t)) /* of the input, for one key */

struct options {
        size_t budget;
        const char *file;
        const char *policy;
        enum pg_delivery delivery;
};

static const char usage[] =
        "usage: demo [options]\n"
        "\n"
        "Maps 256 MiB of files, and 128 MiB of memory beside them, in a budget of 32 MiB; works\n"
        "through both, and compares the results with those of plain tools.\n"
        "\n"
        "  -b, --budget=SIZE      physical memory for all pages, such as 8M or 1G (default 32M)\n"
        "  -f, --file=PATH        work on this file (default: one made of the files in /usr/lib)\n"
        "  -d, --delivery=HOW     how a touch of a page that is out reaches the library: thread\n"
        "                         (default) or signal (faster, needs no permission)\n"
        "  -p, --policy=NAME      which pages go out first:";

static void print_usage(FILE *to)
{
        const struct pg_policy_ops *ops;

        fputs(usage, to);
        for (unsigned i = 0; (ops = pg_policy_at(i)) != NULL; i++)
                fprintf(to, " %s%s", ops->name, i == 0 ? " (default)" : "");
        fputs("\n  -h, --help             print this\n", to);
}

__attribute__((noreturn)) static void refuse(const char *option, const char *value)
{
        fprintf(stderr, "demo: %s: cannot be \"%s\"\n\n", option, value);
        print_usage(stderr);
        exit(2);
}

static size_t parse_size(const char *text)
{
        char *end;
        unsigned long long n = strtoull(text, &end, 10);
        const char *units = "KMG", *unit = *end ? strchr(units, *end & ~0x20) : NULL;
        unsigned shift = unit ? 10 * (unsigned)(unit - units + 1) : 0;

        if (end == text || (*end && (!unit || end[1])) || n == 0 || n > SIZE_MAX >> shift)
                refuse("--budget", text);
        return (size_t)n << shift;
}

static struct options parse(int argc, char **argv)
{
        static const struct option longs[] = {
                {"budget", required_argument, NULL, 'b'},
                {"file", required_argument, NULL, 'f'},
                {"delivery", required_argument, NULL, 'd'},
                {"policy", required_argument, NULL, 'p'},
                {"help", no_argument, NULL, 'h'},
                {NULL, 0, NULL, 0},
        };
        struct options o = {.budget = 32 * MIB};
        int option;

        while ((option = getopt_long(argc, argv, "b:f:d:p:h", longs, NULL)) != -1) {
                if (option == 'b') {
                        o.budget = parse_size(optarg);
                } else if (option == 'f') {
                        o.file = optarg;
                } else if (option == 'p') {
                        o.policy = optarg;
                        if (!pg_policy_find(optarg))
                                refuse("--policy", optarg);
                } else if (option == 'd') {
                        o.delivery = strcmp(optarg, "signal") == 0 ? PG_DELIVERY_SIGNAL
                                                                   : PG_DELIVERY_THREAD;
                        if (o.delivery == PG_DELIVERY_THREAD && strcmp(optarg, "thread") != 0)
                                refuse("--delivery", optarg);
                } else {
                        print_usage(option == 'h' ? stdout : stderr);
                        exit(option == 'h' ? 0 : 2);
                }
        }
        if (optind < argc)
                refuse("argument", argv[optind]);
        return o;
}

static void open_input(struct demo *demo, const char *path)
{
        struct stat status;

        demo->fd = path ? open(path, O_RDONLY) : input_make(demo, INPUT_BYTES);
        if (demo->fd < 0 || fstat(demo->fd, &status) != 0)
                fail("%s: %s", path, strerror(errno));
        if (!S_ISREG(status.st_mode) || status.st_size < (off_t)MIB)
                fail("%s: must be a regular file of 1 MiB or more", path);
        demo->size = (size_t)status.st_size;
        snprintf(demo->path, sizeof(demo->path), "/dev/fd/%d", demo->fd);
}

static void open_pool(struct demo *demo, const struct options *o)
{
        struct pg_config config = {.size = sizeof(config),
                                   .budget = o->budget,
                                   .delivery = o->delivery,
                                   .policy = o->policy};
        int error = pg_open(&demo->pool, &config);

        if (error)
                fail("the pool could not be opened: %s%s", pg_last_error(),
                     error == -EPERM ? " Here: demo --delivery signal" : "");
}

/* Both mappings of the pool. */
static void map_all(struct demo *demo)
{
        demo->nkeys = demo->size / KEY_BYTES;
        demo->nkeys = demo->nkeys < KEYS_MOST ? demo->nkeys : KEYS_MOST;
        demo->file = pg_map_file(demo->pool, demo->fd, 0, demo->size, PG_MAP_READONLY);
        demo->keys =
                pg_map(demo->pool, (demo->nkeys * sizeof(*demo->keys) + 4095) & ~(size_t)4095, 0);
        if (!demo->file || !demo->keys)
                fail("cannot map: %s", pg_last_error());
}

int main(int argc, char **argv)
{
        struct options options = parse(argc, argv);
        struct demo demo = {.budget = options.budget};
        bool good;
        int error;

        setenv("LC_ALL", "C", 1); /* the order in which plain tools sort */
        open_pool(&demo, &options);
        open_input(&demo, options.file);
        map_all(&demo);
        printf("\n%.1f MiB of file and %.1f MiB of memory, in a budget of %.1f MiB\n\n",
               (double)demo.size / (double)MIB,
               (double)(demo.nkeys * sizeof(*demo.keys)) / (double)MIB,
               (double)demo.budget / (double)MIB);
        demo.worked_ns = 0;
        work_checksum(&demo);
        work_keys(&demo);
        work_sort(&demo);
        work_shared(&demo);
        good = report(&demo);

        error = pg_close(demo.pool);
        if (error)
                fail("cannot close: %s", strerror(-error));
        close(demo.fd);
        return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
