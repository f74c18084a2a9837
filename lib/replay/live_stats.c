/* SPDX-License-Identifier: MIT */
/*
 * live_stats.c - `unpaged stats`: what paged processes have counted so far, as a table, as JSON, or
 * for Prometheus (OpenMetrics).
 */
#include "command.h"
#include "json.h"
#include "live_view.h"
#include "size.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SCHEMA         "unpaged.stats"
#define SCHEMA_VERSION 1u
#define GROUPED        32

enum form { TABLE, JSON, OPENMETRICS };

struct request {
        enum form form;
        uint64_t every_ns; /* 0: once */
        pid_t pid;         /* 0: all */
        bool ended;
};

/* ---- the table ------------------------------------------------------------------------------ */

/* "1,234,567" */
static const char *grouped(uint64_t n, char text[GROUPED])
{
        struct ink ink = {text, GROUPED, 0, false};

        ink_grouped(&ink, n);
        return text;
}

static const char *mebibytes(uint64_t bytes, char text[GROUPED])
{
        snprintf(text, GROUPED, "%.1f", (double)bytes / (1 << 20));
        return text;
}

static const char *state_name(const struct live_view *v)
{
        return v->live.state == PG_LIVE_EXECUTED ? "executed another"
               : v->has_ended                    ? "ended"
                                                 : "running";
}

static void print_head(void)
{
        printf("%7s %-15s %9s %9s %12s %5s %10s %10s %10s %8s\n", "PID", "PROGRAM", "MEMORY,M",
               "BUDGET,M", "COMPRESSED,M", "RATIO", "FAULTS/s", "LOADS/s", "SAVES/s", "WAITING");
}

static void print_row(const struct live_view *v, const struct live_view *before)
{
        char memory[GROUPED], budget[GROUPED], packed[GROUPED];

        printf("%7d %-15.15s %9s %9s %12s %5.1f %10.0f %10.0f %10.0f %6.1f %%%s\n", v->live.pid,
               v->live.program, mebibytes(live_resident(v), memory),
               mebibytes(live_budget(v), budget), mebibytes(live_compressed(v), packed),
               live_ratio(v), live_rate(v, before, PG_COUNTER_FAULTS), live_loads(v, before),
               live_rate(v, before, PG_COUNTER_PAGES_OUT), live_waiting(v, before),
               v->has_ended ? "  ended" : "");
}

static double each_us(uint64_t ns, uint64_t events)
{
        return events ? (double)ns / 1e3 / (double)events : 0;
}

static void print_costs(const struct live_view *v)
{
        char number[GROUPED];

        printf("\n  %-22s %16s %14s %14s\n", "COST", "EVENTS", "CPU, us each", "WAIT, us each");
        for (unsigned i = 0; i < PG_COSTS; i++) {
                struct pg_cost c = live_cost(v, i);

                printf("  %-22s %16s %14.1f %14.1f\n", live_cost_name(i), grouped(c.events, number),
                       each_us(c.cpu_ns, c.events), each_us(c.wait_ns, c.events));
        }
}

/* All there is of one. */
static void print_figures(const struct live_view *v)
{
        char number[GROUPED];

        printf("\n  %-22s %s, %s\n", "pool", state_name(v),
               v->live.delivery ? "signal delivery" : "thread delivery");
        printf("  %-22s %s\n  %-22s %s\n", "policy", v->live.policy, "swap", v->live.swap);
        printf("  %-22s %16s\n", "page_size", grouped(v->live.page_size, number));
        for (unsigned i = 0; i < PG_GAUGES; i++)
                printf("  %-22s %16s\n", live_gauge_name(i), grouped(v->gauges[i], number));
        for (unsigned i = 0; i < PG_COUNTER_COST_EVENTS; i++)
                printf("  %-22s %16s\n", live_counter_name(i), grouped(v->counters[i], number));
        print_costs(v);
}

static void print_table(const struct live_views *now, const struct live_views *before,
                        const struct request *q)
{
        print_head();
        for (size_t i = 0; i < now->count; i++)
                print_row(&now->at[i], live_view_find(before, &now->at[i]));
        for (size_t i = 0; i < now->count && q->pid && !q->every_ns; i++)
                print_figures(&now->at[i]);
}

/* ---- JSON ----------------------------------------------------------------------------------- */

static void json_pool(struct json *j, const struct live_view *v, const struct live_view *before)
{
        json_object(j, NULL);
        json_number(j, "pid", (uint64_t)v->live.pid);
        json_number(j, "parent", (uint64_t)v->parent);
        json_number(j, "user", v->user);
        json_number(j, "pool", v->live.pool);
        json_text(j, "program", v->live.program);
        json_text(j, "state", state_name(v));
        json_text(j, "delivery", v->live.delivery ? "signal" : "thread");
        json_text(j, "policy", v->live.policy);
        json_text(j, "swap", v->live.swap);
        json_number(j, "page_size", v->live.page_size);
        json_number(j, "budget_bytes", live_budget(v));
        json_number(j, "resident_bytes", live_resident(v));
        json_number(j, "compressed_bytes", live_compressed(v));
        json_decimal(j, "compression_ratio", live_ratio(v), 2);
        json_decimal(j, "seconds", (double)live_span(v, before) / 1e9, 3);
        json_decimal(j, "waiting_percent", live_waiting(v, before), 2);
        json_decimal(j, "faults_per_second", live_rate(v, before, PG_COUNTER_FAULTS), 1);
        json_decimal(j, "loads_per_second", live_loads(v, before), 1);
        json_decimal(j, "saves_per_second", live_rate(v, before, PG_COUNTER_PAGES_OUT), 1);
        json_object(j, "gauges");
        for (unsigned i = 0; i < PG_GAUGES; i++)
                json_number(j, live_gauge_name(i), v->gauges[i]);
        json_close(j);
        json_object(j, "counters");
        for (unsigned i = 0; i < PG_COUNTER_COST_EVENTS; i++)
                json_number(j, live_counter_name(i), v->counters[i]);
        json_close(j);
        json_object(j, "costs");
        for (unsigned i = 0; i < PG_COSTS; i++) {
                struct pg_cost c = live_cost(v, i);

                json_object(j, live_cost_name(i));
                json_number(j, "events", c.events);
                json_number(j, "cpu_ns", c.cpu_ns);
                json_number(j, "wait_ns", c.wait_ns);
                json_close(j);
        }
        json_close(j);
        json_close(j);
}

static void print_json(const struct live_views *now, const struct live_views *before,
                       const struct request *q)
{
        struct json j = {.put = json_into_stream, .arg = stdout, .lines = q->every_ns != 0};

        json_document(&j, SCHEMA, SCHEMA_VERSION);
        json_array(&j, "pools");
        for (size_t i = 0; i < now->count; i++)
                json_pool(&j, &now->at[i], live_view_find(before, &now->at[i]));
        json_close(&j);
        json_close(&j);
}

/* ---- OpenMetrics ---------------------------------------------------------------------------- */

/* With more labels the last brace is still to come. */
static void print_labels_open(const struct live_view *v)
{
        printf("{pid=\"%d\",pool=\"%u\",program=\"", v->live.pid, v->live.pool);
        for (const char *c = v->live.program; *c; c++) {
                if (*c == '"' || *c == '\\')
                        putchar('\\');
                if (*c == '\n')
                        printf("\\n");
                else
                        putchar(*c);
        }
        putchar('"');
}

static void print_labels(const struct live_view *v)
{
        print_labels_open(v);
        putchar('}');
}

static void print_cost(const struct live_views *now, const char *name, const char *unit,
                       double (*value)(struct pg_cost c))
{
        printf("# TYPE unpaged_cost_%s counter\n%s", name, unit);
        for (size_t i = 0; i < now->count; i++)
                for (unsigned kind = 0; kind < PG_COSTS; kind++) {
                        printf("unpaged_cost_%s_total", name);
                        print_labels_open(&now->at[i]);
                        printf(",kind=\"%s\"} %.9g\n", live_cost_name(kind),
                               value(live_cost(&now->at[i], kind)));
                }
}

static double cost_events(struct pg_cost c)
{
        return (double)c.events;
}

static double cost_cpu(struct pg_cost c)
{
        return (double)c.cpu_ns / 1e9;
}

static double cost_wait(struct pg_cost c)
{
        return (double)c.wait_ns / 1e9;
}

static void print_gauge(const struct live_views *now, const char *name,
                        uint64_t (*value)(const struct live_view *v))
{
        printf("# TYPE unpaged_%s_bytes gauge\n# UNIT unpaged_%s_bytes bytes\n", name, name);
        for (size_t i = 0; i < now->count; i++) {
                printf("unpaged_%s_bytes", name);
                print_labels(&now->at[i]);
                printf(" %" PRIu64 "\n", value(&now->at[i]));
        }
}

/* Of one name must stand together. Time is in seconds there, as of all exporters. */
static void print_openmetrics(const struct live_views *now)
{
        print_gauge(now, "budget", live_budget);
        print_gauge(now, "resident", live_resident);
        print_gauge(now, "compressed", live_compressed);
        for (unsigned g = 0; g < PG_GAUGES; g++) {
                /* "_total" is for counters. */
                const char *name = g == PG_GAUGE_FRAMES_TOTAL ? "frames" : live_gauge_name(g);

                printf("# TYPE unpaged_%s gauge\n", name);
                for (size_t i = 0; i < now->count; i++) {
                        printf("unpaged_%s", name);
                        print_labels(&now->at[i]);
                        printf(" %" PRIu64 "\n", now->at[i].gauges[g]);
                }
        }
        for (unsigned c = 0; c < PG_COUNTER_COST_EVENTS; c++) {
                bool is_time = c == PG_COUNTER_WAIT_NS;
                const char *name = is_time ? "wait_seconds" : live_counter_name(c);
                printf("# TYPE unpaged_%s counter\n", name);
                if (is_time)
                        printf("# UNIT unpaged_%s seconds\n", name);
                for (size_t i = 0; i < now->count; i++) {
                        printf("unpaged_%s_total", name);
                        print_labels(&now->at[i]);
                        if (is_time)
                                printf(" %.9f\n", (double)now->at[i].counters[c] / 1e9);
                        else
                                printf(" %" PRIu64 "\n", now->at[i].counters[c]);
                }
        }
        print_cost(now, "events", "", cost_events);
        print_cost(now, "cpu_seconds", "# UNIT unpaged_cost_cpu_seconds seconds\n", cost_cpu);
        print_cost(now, "wait_seconds", "# UNIT unpaged_cost_wait_seconds seconds\n", cost_wait);
        printf("# EOF\n");
}

/* ---- the command ---------------------------------------------------------------------------- */

static int print_help(void)
{
        printf("usage: unpaged stats [option...] [PID]\n"
               "\n"
               "What paged processes have counted so far: all of yours (of root: all), or PID.\n"
               "\n"
               "  -j, --json           as JSON; with --every, a line each time\n"
               "  -m, --openmetrics    for Prometheus and others that read OpenMetrics\n"
               "  -e, --every TIME     again and again, with rates since the last time: 1s, 500ms\n"
               "  -a, --all            processes that have ended, too, if their files are there\n"
               "  -h, --help           this text\n");
        return output_status(0, STATUS_FAILED);
}

static int read_arguments(int argc, char **argv, struct request *q)
{
        if (argc - optind > 1)
                return say(STATUS_USAGE,
                           "stats: one process at a time: see `unpaged stats --help`");
        if (argc - optind == 1 && !argument_pid(argv[optind], &q->pid))
                return say(STATUS_USAGE, "stats: %s: must be the number of a process",
                           argv[optind]);
        q->ended = q->ended || q->pid;
        if (q->form == OPENMETRICS && q->every_ns)
                return say(STATUS_USAGE, "stats: --openmetrics has no rates: leave --every out");
        return -1;
}

/* -1: go on; else the status to end with. */
static int read_options(int argc, char **argv, struct request *q)
{
        static const struct option longs[] = {
                {"json", no_argument, NULL, 'j'},        {"openmetrics", no_argument, NULL, 'm'},
                {"every", required_argument, NULL, 'e'}, {"all", no_argument, NULL, 'a'},
                {"help", no_argument, NULL, 'h'},        {0}};
        int what;

        opterr = 0;
        while ((what = getopt_long(argc, argv, ":jme:ah", longs, NULL)) != -1) {
                if (what == 'h')
                        return print_help();
                if (what == ':' || what == '?')
                        return say(STATUS_USAGE, "stats: option %s %s: see `unpaged stats --help`",
                                   argv[optind - 1],
                                   what == ':' ? "needs a value" : "is not known");
                if (what == 'e' && !argument_time(optarg, &q->every_ns))
                        return say(STATUS_USAGE, "stats: --every %s: must be " ARGUMENT_TIME,
                                   optarg);
                q->form = what == 'j' ? JSON : what == 'm' ? OPENMETRICS : q->form;
                q->ended = q->ended || what == 'a';
        }
        return read_arguments(argc, argv, q);
}

static int none_there(const struct live_views *now, const struct request *q)
{
        if (q->pid && now->refused)
                return say(STATUS_FAILED,
                           "process %d: its counters are another user's: ask as that user, or as "
                           "root",
                           (int)q->pid);
        if (q->pid)
                return say(STATUS_FAILED,
                           "process %d has no counters: it is not paged, or has ended long ago",
                           (int)q->pid);
        return 0;
}

static void print(const struct live_views *now, const struct live_views *before,
                  const struct request *q)
{
        if (q->form == JSON)
                print_json(now, before, q);
        else if (q->form == OPENMETRICS)
                print_openmetrics(now);
        else if (now->count > 0)
                print_table(now, before, q);
        else
                printf("no paged process\n");
}

static bool all_ended(const struct live_views *now)
{
        for (size_t i = 0; i < now->count; i++)
                if (!now->at[i].has_ended)
                        return false;
        return true;
}

/* Ends when the process does, or when nobody reads any more. */
static int show(const struct request *q)
{
        struct live_views two[2] = {{0}}, *now = &two[0], *before = &two[1], *other;
        struct timespec pause = {.tv_sec = (time_t)(q->every_ns / 1000000000u),
                                 .tv_nsec = (long)(q->every_ns % 1000000000u)};
        int status = 0;

        for (;;) {
                if (live_views_read(now, q->pid, q->ended) != 0)
                        status = say(STATUS_FAILED, "no memory");
                else if (now->count == 0)
                        status = none_there(now, q);
                if (status == 0)
                        print(now, before, q);
                status = output_status(status, STATUS_FAILED);
                if (status || !q->every_ns || (q->pid && all_ended(now)))
                        break;
                nanosleep(&pause, NULL);
                other = before;
                before = now;
                now = other;
        }
        live_views_free(&two[0]);
        live_views_free(&two[1]);
        return status;
}

int stats_main(int argc, char **argv)
{
        struct request q = {.form = TABLE};
        int status = read_options(argc, argv, &q);

        return status >= 0 ? status : show(&q);
}
