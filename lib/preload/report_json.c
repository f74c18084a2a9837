/* SPDX-License-Identifier: MIT */
/*
 * report_json.c - a report as a document of JSON, on one line: files of them are appended to.
 * unpaged(1) describes it.
 */
#include "report.h"
#include "json.h"

#define SCHEMA         "unpaged.run"
#define SCHEMA_VERSION 1u

static const char *const ends[] = {
        [RUN_ENDED] = "ended", [RUN_EXECUTED] = "executed", [RUN_KILLED] = "killed"};

/* 0 stands for what is not known. */
static void number_or_null(struct json *j, const char *key, uint64_t value)
{
        if (value)
                json_number(j, key, value);
        else
                json_null(j, key);
}

static void time_members(struct json *j, const struct run_record *r)
{
        json_decimal(j, "wait_seconds", (double)r->wait_ns / 1e9, 3);
        if (report_evictions(r) == 0)
                json_decimal(j, "paging_percent", 0, 2);
        else if (r->paging_ns && r->run_ns)
                json_decimal(j, "paging_percent", report_paging(r), 2);
        else
                json_null(j, "paging_percent");
        if (r->wall_ns) {
                json_decimal(j, "wall_seconds", (double)r->wall_ns / 1e9, 3);
                json_decimal(j, "waiting_percent", report_waiting(r), 2);
        } else {
                json_null(j, "wall_seconds");
                json_null(j, "waiting_percent");
        }
}

/* What a process and the total both have. */
static void count_members(struct json *j, const struct run_record *r)
{
        json_number(j, "peak_resident_bytes", r->peak);
        number_or_null(j, "peak_process_bytes", r->peak_process);
        number_or_null(j, "sufficient_bytes", r->sufficient);
        json_number(j, "faults", r->faults);
        json_number(j, "rescues", r->rescues);
        json_number(j, "loads", report_loads(r));
        json_number(j, "evictions", report_evictions(r));
        json_number(j, "evictions_clean", r->evictions_clean);
        json_number(j, "evictions_dirty", r->evictions_dirty);
        json_number(j, "pages_in", r->pages_in);
        json_number(j, "pages_out", r->pages_out);
        json_number(j, "zero_pages_out", r->zero_pages_out);
        json_number(j, "swap_pages", r->swap_pages);
        json_number(j, "swap_bytes", r->swap_bytes);
        json_number(j, "compressed_bytes", r->swap_memory);
        json_decimal(j, "compression_ratio", report_ratio(r), 2);
        json_number(j, "errors_load", r->errors_load);
        json_number(j, "errors_save", r->errors_save);
        json_number(j, "errors_frames", r->errors_frames);
        json_number(j, "errors_full", r->errors_full);
        time_members(j, r);
}

static void process_object(struct json *j, const struct run_record *r)
{
        json_object(j, NULL);
        json_number(j, "pid", (uint64_t)r->pid);
        json_text(j, "program", r->program);
        json_text(j, "end", ends[r->end <= RUN_KILLED ? r->end : RUN_ENDED]);
        json_number(j, "budget_bytes", r->budget);
        json_number(j, "page_size", r->page_size);
        count_members(j, r);
        if (r->reason[0])
                json_text(j, "reason", r->reason);
        else
                json_null(j, "reason");
        json_close(j);
}

void report_json(const struct report *r, struct ink *k)
{
        const struct run_head *head = &r->records.head;
        struct json j = {.put = json_into_ink, .arg = k, .lines = true};

        json_document(&j, SCHEMA, SCHEMA_VERSION);
        json_number(&j, "pid", (uint64_t)head->pid);
        json_text(&j, "program", head->program);
        json_bool(&j, "whole", r->whole);
        if (head->given[0])
                json_text(&j, "budget", head->given);
        else
                json_null(&j, "budget");
        json_number(&j, "budget_bytes", head->budget);
        json_number(&j, "process_count", r->processes);
        json_number(&j, "still_running", r->running);
        json_object(&j, "total");
        count_members(&j, &r->total);
        json_close(&j);
        json_array(&j, "processes");
        for (size_t i = 0; i < r->records.count; i++)
                process_object(&j, &r->records.at[i]);
        json_close(&j);
        json_close(&j);
}
