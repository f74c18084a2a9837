/* SPDX-License-Identifier: MIT */
/*
 * trace.c - `unpaged trace`: what is in a trace, traces in other formats, traces that are made up.
 *
 * Options and files come in any order; each verb takes what it knows of them and refuses the rest.
 */
#include "command.h"
#include "formats.h"
#include "generate.h"
#include "trace_heat.h"
#include "trace_info.h"
#include "size.h"
#include "out_stream.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct trace_format *const formats[] = {&format_text, &format_oracle};

#define FORMATS (sizeof(formats) / sizeof(formats[0]))

/* What was given. */
struct request {
        const char *verb;
        const struct trace_format *format;
        const char *output; /* "-": standard output; NULL: not given */
        uint64_t width;     /* 0: not given */
        bool json;
        struct generator_settings generator;
        const char *generator_option; /* one that only a generator takes */
        char **files;
        int nfiles;
};

/* ---- verbs -------------------------------------------------------------------------------- */

static bool is_standard(const char *path)
{
        return strcmp(path, "-") == 0;
}

static int info(struct request *q)
{
        int status = 0;

        for (int i = 0; i < q->nfiles; i++) {
                if (i > 0 && !q->json)
                        putchar('\n');
                if (trace_info(q->files[i], q->json) != 0)
                        status = STATUS_FAILED;
        }
        return output_status(status, STATUS_FAILED);
}

static int heat(struct request *q)
{
        return trace_heat(q->files[0], q->output, q->width);
}

static int export(struct request *q)
{
        const char *to = is_standard(q->output) ? "standard output" : q->output;
        struct out_stream out;
        struct trace_reader *reader;
        char why[TRACE_WHY];
        int error, bad;

        if (trace_file_open(q->files[0], &reader, why) != 0)
                return say(STATUS_FAILED, "%s", why);
        bad = out_stream_open(&out, q->output);
        if (bad) {
                trace_file_close(reader);
                return say(STATUS_FAILED, "%s: %s", q->output, out_file_why(bad));
        }
        error = q->format->put(reader, out.stream, why);
        bad = out_stream_close(&out, error);
        if (error)
                say(STATUS_FAILED, "%s", why);
        else if (bad)
                say(STATUS_FAILED, "%s: %s", to, strerror(-bad));
        else if (trace_file_note(reader))
                say(0, "%s", trace_file_note(reader));
        trace_file_close(reader);
        return error || bad ? STATUS_FAILED : 0;
}

static int import(struct request *q)
{
        const char *path = q->files[0];
        FILE *in = is_standard(path) ? stdin : fopen(path, "re");
        char why[TRACE_WHY];
        int error;

        if (!in)
                return say(STATUS_FAILED, "%s: %s", path, strerror(errno));
        error = q->format->get(in, is_standard(path) ? "standard input" : path, q->output, why);
        if (in != stdin)
                fclose(in);
        return error ? say(STATUS_FAILED, "%s", why) : 0;
}

static int make(struct request *q)
{
        struct generator_settings *s = &q->generator;
        char why[TRACE_WHY];
        int error;

        s->kind_name = q->files[0];
        s->hot = s->hot ? s->hot : (s->pages + 9) / 10;
        s->window = s->window ? s->window : (s->pages + 3) / 4;
        error = generate(s, q->output, why);
        if (error)
                return say(error == -EINVAL ? STATUS_USAGE : STATUS_FAILED, "%s", why);
        return 0;
}

static const struct {
        const char *name, *arguments, *help;
        int (*run)(struct request *q);
        bool formats, makes_trace, generates;
} verbs[] = {
        {"info", "[--json] FILE...", "what is in it", info, false, false, false},
        {"heat", "[--width N] [-o OUT.svg] FILE", "when which addresses were paged", heat, false,
         false, false},
        {"export", "--FORMAT [-o OUT] FILE", "in another format", export, true, false, false},
        {"import", "--FORMAT -o OUT FILE", "from another format", import, true, true, false},
        {"generate", "KIND --pages N --accesses N [...] -o OUT", "one that is made up", make, false,
         true, true},
};

#define VERBS (sizeof(verbs) / sizeof(verbs[0]))

static int print_help(void)
{
        const char *name, *help;

        printf("Says what is in traces, converts them, and makes up others.\n\nusage:\n");
        for (unsigned i = 0; i < VERBS; i++)
                printf("  unpaged trace %-8s %-42s %s\n", verbs[i].name, verbs[i].arguments,
                       verbs[i].help);
        printf("\nFiles are traces of `unpaged run --trace`, of pools, or made here; - is standard "
               "input or output.\n\nFormats:\n");
        for (unsigned i = 0; i < FORMATS; i++)
                printf("  --%-16s %s\n", formats[i]->option, formats[i]->help);
        printf("\nKinds:\n");
        for (unsigned i = 0; (name = generator_name(i, &help)); i++)
                printf("  %-18s %s\n", name, help);
        printf("\nheat draws an SVG with -o, else text; --width N is in pixels, or in letters.\n"
               "\nOf every kind: --seed N (1), --writes PERCENT (20).\n");
        return output_status(0, STATUS_FAILED);
}

/* ---- options ------------------------------------------------------------------------------ */

enum option_key {
        PAGES = 256,
        ACCESSES,
        SEED,
        ALPHA,
        HOT,
        HOT_SHARE,
        WINDOW,
        PHASES,
        WRITES,
        WIDTH,
        AS_JSON,
        FORMAT, /* and those that follow, one for each format */
};

static const struct option options[] = {
        {"help", no_argument, NULL, 'h'},
        {"output", required_argument, NULL, 'o'},
        {"pages", required_argument, NULL, PAGES},
        {"accesses", required_argument, NULL, ACCESSES},
        {"seed", required_argument, NULL, SEED},
        {"alpha", required_argument, NULL, ALPHA},
        {"hot", required_argument, NULL, HOT},
        {"hot-share", required_argument, NULL, HOT_SHARE},
        {"window", required_argument, NULL, WINDOW},
        {"phases", required_argument, NULL, PHASES},
        {"writes", required_argument, NULL, WRITES},
        {"width", required_argument, NULL, WIDTH},
        {"json", no_argument, NULL, AS_JSON},
        {"text", no_argument, NULL, FORMAT},
        {"oracle-general", no_argument, NULL, FORMAT + 1},
        {0},
};

static uint64_t *generator_member(struct generator_settings *s, int key)
{
        switch (key) {
        case PAGES:
                return &s->pages;
        case ACCESSES:
                return &s->accesses;
        case SEED:
                return &s->seed;
        case ALPHA:
                return &s->alpha_ppm;
        case HOT:
                return &s->hot;
        case HOT_SHARE:
                return &s->hot_pct;
        case WINDOW:
                return &s->window;
        case PHASES:
                return &s->phases;
        default:
                return &s->writes_pct;
        }
}

/* -1: go on; else the status to end with. */
static int read_options(int argc, char **argv, struct request *q)
{
        int key, at = 0;

        opterr = 0;
        optind = 1;
        while ((key = getopt_long(argc, argv, ":ho:", options, &at)) != -1) {
                if (key == 'h') {
                        return print_help();
                } else if (key == ':' || key == '?') {
                        return say(STATUS_USAGE, "trace: option %s %s: see `unpaged trace --help`",
                                   argv[optind - 1],
                                   key == ':' ? "needs a value"
                                              : "is not known, or takes no value");
                } else if (key == 'o') {
                        q->output = optarg;
                } else if (key == WIDTH) {
                        const char *wrong = size_read_bytes(optarg, &q->width);

                        if (wrong || q->width == 0)
                                return say(STATUS_USAGE, "trace: --width %s: %s", optarg,
                                           wrong ? wrong : "must be more than 0");
                } else if (key == AS_JSON) {
                        q->json = true;
                } else if (key >= FORMAT) {
                        q->format = formats[key - FORMAT];
                } else {
                        uint64_t *member = generator_member(&q->generator, key);
                        const char *wrong = key == ALPHA ? size_read_millionths(optarg, member)
                                                         : size_read_bytes(optarg, member);

                        q->generator_option = options[at].name;
                        if (wrong)
                                return say(STATUS_USAGE, "trace: --%s %s: %s", options[at].name,
                                           optarg, wrong);
                }
        }
        return -1;
}

/* -1: it is right; else the status to end with. */
static int check(const struct request *q, unsigned verb)
{
        if (q->nfiles == 0 || (q->nfiles > 1 && verbs[verb].run != info))
                return say(STATUS_USAGE, "trace %s: usage: unpaged trace %s %s", q->verb, q->verb,
                           verbs[verb].arguments);
        if (verbs[verb].formats != (q->format != NULL))
                return say(STATUS_USAGE, "trace %s: %s See `unpaged trace --help`", q->verb,
                           q->format ? "it takes no format."
                                     : "which format, --text or --oracle-general?");
        if (q->generator_option && !verbs[verb].generates)
                return say(STATUS_USAGE, "trace %s: --%s is for `generate`", q->verb,
                           q->generator_option);
        if (q->width && verbs[verb].run != heat)
                return say(STATUS_USAGE, "trace %s: --width is for `heat`", q->verb);
        if (q->json && verbs[verb].run != info)
                return say(STATUS_USAGE, "trace %s: --json is for `info`", q->verb);
        if (verbs[verb].makes_trace && is_standard(q->output) && isatty(STDOUT_FILENO))
                return say(STATUS_USAGE,
                           "trace %s: a trace is nothing for a terminal: name a file "
                           "by --output",
                           q->verb);
        return -1;
}

int trace_main(int argc, char **argv)
{
        struct request q = {
                .generator = {.seed = 1,
                              .alpha_ppm = 990000,
                              .hot_pct = 50,
                              .phases = 8,
                              .writes_pct = 20},
        };
        int status = read_options(argc, argv, &q);
        unsigned verb = 0;

        if (status >= 0)
                return status;
        if (optind == argc)
                return say(STATUS_USAGE, "trace: what is to be done? See `unpaged trace --help`");
        q.verb = argv[optind++];
        q.files = argv + optind;
        q.nfiles = argc - optind;
        while (verb < VERBS && strcmp(verbs[verb].name, q.verb) != 0)
                verb++;
        if (verb == VERBS)
                return say(STATUS_USAGE,
                           "trace %s: there is no such verb: see `unpaged trace --help`", q.verb);
        if (!q.output && verbs[verb].run != heat)
                q.output = "-";
        status = check(&q, verb);
        return status >= 0 ? status : verbs[verb].run(&q);
}
