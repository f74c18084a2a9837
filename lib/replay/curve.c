/* SPDX-License-Identifier: MIT */
/*
 * curve.c - `unpaged curve`: how much memory would have been enough. A table, a sentence, and with
 * -o a picture.
 */
#include "command.h"
#include "curve_trace.h"
#include "curve_view.h"
#include "json.h"
#include "picture_name.h"
#include "size.h"
#include "out_stream.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a page costs where the trace does not tell: one that comes back from compressed memory,
 * served by a thread (README.md, Benchmarks). */
#define FAULT_NS 10000

struct request {
        const char *trace, *output;
        uint64_t fault_ns;
        bool json;
};

static uint64_t misses_with(const void *arg, uint64_t frames)
{
        return miss_curve_misses(arg, frames);
}

/* ---- the table ----------------------------------------------------------------------------- */

enum { ROWS = 64 };

static int compare(const void *a, const void *b)
{
        uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

        return (x > y) - (x < y);
}

/* Round sizes from the least to what is enough, each twice the one before, near the end in four
 * steps; and those that matter. Sorted, none twice. */
static size_t choose_sizes(const struct curve_view *v, uint64_t sizes[ROWS])
{
        uint64_t sufficient = curve_view_sufficient(v), size;
        size_t n = 0, kept = 0;

        sizes[n++] = v->least > 1 ? v->least : sufficient;
        sizes[n++] = sufficient;
        sizes[n++] = v->enough;
        sizes[n++] = v->budget ? v->budget : sufficient;
        for (uint64_t base = 4; base < v->enough; base *= 2)
                for (unsigned i = 0; i < (base * 32 > v->enough ? 4 : 1); i++)
                        if ((size = base / 4 * (4 + i)) > v->least && size < v->enough && n < ROWS)
                                sizes[n++] = size;
        qsort(sizes, n, sizeof(sizes[0]), compare);
        for (size_t i = 0; i < n; i++)
                if (kept == 0 || sizes[kept - 1] != sizes[i])
                        sizes[kept++] = sizes[i];
        return kept;
}

static void print_table(const struct curve_view *v)
{
        uint64_t sizes[ROWS], sufficient = v->no_verdict ? 0 : curve_view_sufficient(v);
        size_t n = choose_sizes(v, sizes);

        printf("\n  %12s %14s %14s %10s\n", "memory, MiB", "misses", "of them again",
               v->is_least ? "time, most" : "time");
        for (size_t i = 0; i < n; i++) {
                uint64_t misses = v->misses(v->arg, sizes[i]);

                printf("  %12.3f %14" PRIu64 " %14" PRIu64,
                       curve_view_bytes(v, sizes[i]) / (1 << 20), misses,
                       misses > v->first ? misses - v->first : 0);
                if (v->no_verdict)
                        printf(" %10s", "-");
                else
                        printf(" %9.2fx", curve_view_slowdown(v, sizes[i]).middle);
                if (sizes[i] == v->budget)
                        printf("  %s", curve_view_budget_word(v));
                if (sizes[i] == sufficient)
                        printf("  suffices");
                if (sizes[i] == v->enough)
                        printf("  first touches only");
                putchar('\n');
        }
}

/* ---- JSON ---------------------------------------------------------------------------------- */

static void json_bytes(struct json *j, const char *key, const struct curve_view *v, uint64_t frames)
{
        json_number(j, key, (uint64_t)curve_view_bytes(v, frames));
}

/* What the run takes beside all of its misses. */
static double other_ns(const struct curve_view *v)
{
        return v->kept_ns - (double)v->first * v->miss_ns;
}

static void json_points(struct json *j, const struct curve_view *v)
{
        uint64_t sizes[ROWS];
        size_t n = choose_sizes(v, sizes);

        json_array(j, "points");
        for (size_t i = 0; i < n; i++) {
                uint64_t misses = v->misses(v->arg, sizes[i]);

                json_object(j, NULL);
                json_bytes(j, "memory_bytes", v, sizes[i]);
                json_number(j, "frames", sizes[i]);
                json_number(j, "misses", misses);
                json_number(j, "misses_again", misses > v->first ? misses - v->first : 0);
                if (v->no_verdict)
                        json_null(j, "slowdown");
                else
                        json_decimal(j, "slowdown", curve_view_slowdown(v, sizes[i]).middle, 3);
                json_close(j);
        }
        json_close(j);
}

static void print_json(const struct curve_trace *t, const struct curve_view *v)
{
        struct json j = {.put = json_into_stream, .arg = stdout};

        json_document(&j, "unpaged.curve", 1);
        json_text(&j, "program", v->name);
        json_number(&j, "page_size", v->page_size);
        json_number(&j, "touches", t->touches);
        json_number(&j, "first_touches", v->first);
        json_number(&j, "lost", t->lost);
        json_decimal(&j, "fault_microseconds", v->miss_ns / 1e3, 3);
        if (v->is_least)
                json_null(&j, "other_seconds");
        else
                json_decimal(&j, "other_seconds", other_ns(v) / 1e9, 3);
        if (v->budget)
                json_bytes(&j, "budget_bytes", v, v->budget);
        else
                json_null(&j, "budget_bytes");
        json_bytes(&j, "least_bytes", v, v->least);
        if (v->no_verdict)
                json_null(&j, "sufficient_bytes");
        else
                json_bytes(&j, "sufficient_bytes", v, curve_view_sufficient(v));
        json_bytes(&j, "enough_bytes", v, v->enough);
        json_points(&j, v);
        json_close(&j);
}

/* ---- the command --------------------------------------------------------------------------- */

static void print_about(const struct curve_trace *t, const struct curve_view *v)
{
        char text[32] = "";
        struct ink least = {text, sizeof(text), 0, false};

        printf("%s: %" PRIu64 " %s", v->name, t->touches,
               !v->budget        ? "accesses"
               : t->touches_only ? "touches"
                                 : "faults and rescues");
        if (v->budget)
                printf(", seen by a pool of %" PRIu64 " frames (%s, %u %% victim queue)", v->budget,
                       t->header.policy, t->header.queue_pct);
        printf("\n%" PRIu64 " first touches; a page takes %.1f us", v->first, v->miss_ns / 1e3);
        if (!v->is_least)
                printf(", the rest %.3f s\n", other_ns(v) / 1e9);
        else
                printf(", and how long the rest takes is not known\n");
        if (v->budget && v->least > 1) {
                ink_bytes(&least, curve_view_bytes(v, v->least));
                printf("Below %s nothing is known: so many pages were mapped, and their touches "
                       "seen "
                       "by nobody.\n",
                       text);
        }
        if (t->lost)
                printf("The trace has lost %" PRIu64 " events: all figures are approximate.\n",
                       t->lost);
}

static int write_picture(const struct curve_view *v, const char *path)
{
        static char at[CURVE_PICTURE_SIZE];
        struct ink ink = {at, sizeof(at), 0, false};
        struct out_stream out;
        int error = out_stream_open(&out, path);

        if (error)
                return say(STATUS_FAILED, "%s: %s", path, out_file_why(error));
        curve_view_picture(v, &ink);
        fwrite(at, 1, ink.len, out.stream);
        error = out_stream_close(&out, 0);
        return error ? say(STATUS_FAILED, "%s: %s", path, strerror(-error)) : 0;
}

static struct curve_view view_of(const struct curve_trace *t, const struct request *q,
                                 const char *name)
{
        uint64_t run_ns = t->microseconds * 1000, wait_ns = t->touches * q->fault_ns;
        uint64_t first = miss_curve_first(&t->curve);
        uint64_t other_ns = run_ns > wait_ns ? run_ns - wait_ns : 0;

        return (struct curve_view){.misses = misses_with,
                                   .arg = &t->curve,
                                   .name = name,
                                   .page_size = t->header.page_size,
                                   .least = t->least,
                                   .enough = miss_curve_enough(&t->curve),
                                   .budget = t->frames,
                                   .first = first,
                                   .kept_ns = (double)(other_ns + first * q->fault_ns),
                                   .miss_ns = (double)q->fault_ns,
                                   .is_least = other_ns == 0,
                                   .no_verdict = t->was_resized ? CURVE_RESIZED : NULL};
}

static int show(const struct curve_trace *t, const struct request *q)
{
        char name[TRACE_NAME];
        struct curve_view v = view_of(t, q, trace_file_subject(&t->header, q->trace, name));
        bool table = !q->json && (!q->output || strcmp(q->output, "-") != 0);
        char sentence[512] = "";
        struct ink words = {sentence, sizeof(sentence), 0, false};
        int status = 0;

        if (t->touches == 0)
                return say(STATUS_FAILED, "%s: nothing is touched in it", q->trace);
        if (t->note[0])
                say(0, "%s", t->note);
        if (table) {
                curve_view_sentence(&v, &words);
                print_about(t, &v);
                print_table(&v);
                printf("\n%s\n", sentence);
        }
        if (q->json)
                print_json(t, &v);
        if (q->output)
                status = write_picture(&v, q->output);
        return status ? status : output_status(0, STATUS_FAILED);
}

static int print_help(void)
{
        printf("usage: unpaged curve [option...] TRACE\n"
               "\n"
               "How often would pages have missed with less memory, or with more, and how much\n"
               "would have sufficed? TRACE is one of `unpaged run --trace`, or of `unpaged "
               "trace`;\n"
               "-: standard input.\n"
               "\n"
               "  -o, --output FILE.svg   draw it, too; -: on standard output, and no table\n"
               "  -j, --json              as JSON instead of a table\n"
               "  -f, --fault-ns N        what a page takes, in nanoseconds (%d)\n"
               "  -h, --help              this text\n",
               FAULT_NS);
        return output_status(0, STATUS_FAILED);
}

/* -1: go on; else the status to end with. */
static int read_options(int argc, char **argv, struct request *q)
{
        static const struct option longs[] = {{"output", required_argument, NULL, 'o'},
                                              {"fault-ns", required_argument, NULL, 'f'},
                                              {"json", no_argument, NULL, 'j'},
                                              {"help", no_argument, NULL, 'h'},
                                              {0}};
        const char *wrong;
        int what;

        opterr = 0;
        while ((what = getopt_long(argc, argv, ":o:f:jh", longs, NULL)) != -1) {
                if (what == 'h')
                        return print_help();
                if (what == ':')
                        return say(STATUS_USAGE,
                                   "curve: option %s needs a value: see `unpaged curve --help`",
                                   argv[optind - 1]);
                if (what == '?')
                        return say(STATUS_USAGE,
                                   "curve: option %s is not known, or takes no value: see "
                                   "`unpaged curve --help`",
                                   argv[optind - 1]);
                if (what == 'o' && (wrong = picture_name_wrong(optarg)))
                        return say(STATUS_USAGE, "curve: --output %s: %s", optarg, wrong);
                if (what == 'o')
                        q->output = optarg;
                q->json = q->json || what == 'j';
                if (what != 'f')
                        continue;
                if (size_read_bytes(optarg, &q->fault_ns) || q->fault_ns == 0 ||
                    q->fault_ns > 1000000000)
                        return say(STATUS_USAGE,
                                   "curve: --fault-ns %s: must be a number from 1 to 1000000000",
                                   optarg);
        }
        if (argc - optind != 1)
                return say(STATUS_USAGE, "curve: %s See `unpaged curve --help`",
                           argc > optind ? "one trace at a time." : "which trace?");
        q->trace = argv[optind];
        if (q->json && q->output && strcmp(q->output, "-") == 0)
                return say(STATUS_USAGE,
                           "curve: --json and --output - both want standard output: name a file");
        return -1;
}

int curve_main(int argc, char **argv)
{
        struct request q = {.fault_ns = FAULT_NS};
        char why[TRACE_WHY];
        struct curve_trace t;
        int status = read_options(argc, argv, &q);

        if (status >= 0)
                return status;
        if (curve_trace_read(&t, q.trace, why) != 0)
                status = say(STATUS_FAILED, "%s", why);
        else
                status = show(&t, &q);
        curve_trace_free(&t);
        return status;
}
