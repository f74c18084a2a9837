/* SPDX-License-Identifier: MIT */
/*
 * report.c - gathers what the processes of a run have left: see run_file.c.
 *
 * A process that was killed has left no record, but its counters are still there (live.h). Those
 * say which run it belonged to. If it is gone, and they have not been marked as done with, it was
 * killed, and they are the last word about that program of it: also after a record that was
 * appended for an exec that then failed. They lie in the folder that the run's file is in. Who is
 * another user by then has another folder, and is not found.
 */
#include "report.h"
#include "live_file.h"
#include "live_name.h"
#include "live_view.h"
#include "real_syscalls.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define KILLED_MOST 4096u
#define FILE_MOST   ((size_t)1 << 20)

double report_ratio(const struct run_record *r)
{
        return r->swap_bytes > 0
                       ? (double)r->swap_pages * (double)r->page_size / (double)r->swap_bytes
                       : 0;
}

double report_paging(const struct run_record *r)
{
        return r->paging_ns && r->run_ns ? (double)r->paging_ns * 100 / (double)r->run_ns
                                         : report_waiting(r);
}

double report_waiting(const struct run_record *r)
{
        return r->wall_ns > 0 ? (double)r->wait_ns * 100 / (double)r->wall_ns : 0;
}

/* ---- those that were killed ----------------------------------------------------------------- */

/* Where files of counters are read to, one after the other. */
static char *counters;

static bool killed_read(int folder, const char *name, struct live_view *v)
{
        int fd = (int)syscall(SYS_openat, folder, name,
                              O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0);
        ssize_t n = fd < 0 ? -1 : pread(fd, counters, FILE_MOST, 0);

        if (fd >= 0)
                real_close(fd);
        return n > 0 && live_decode(v, counters, (size_t)n);
}

static struct run_record record_of(const struct live_view *v)
{
        const uint64_t *c = v->counters, *g = v->gauges;
        struct run_record r = {.end = RUN_KILLED,
                               .pid = v->live.pid,
                               .start_ticks = v->live.start_ticks,
                               .started_ns = v->live.opened_clock_ns,
                               .budget = live_budget(v),
                               .page_size = v->live.page_size,
                               .peak = g[PG_GAUGE_FRAMES_PEAK] * v->live.page_size,
                               .faults = c[PG_COUNTER_FAULTS],
                               .rescues = c[PG_COUNTER_RESCUES],
                               .evictions_clean = c[PG_COUNTER_EVICTIONS_CLEAN],
                               .evictions_dirty = c[PG_COUNTER_EVICTIONS_DIRTY],
                               .pages_in = c[PG_COUNTER_PAGES_IN],
                               .pages_out = c[PG_COUNTER_PAGES_OUT],
                               .zero_pages_out = c[PG_COUNTER_ZERO_PAGES_OUT],
                               .swap_pages = g[PG_GAUGE_SWAP_PAGES],
                               .swap_bytes = g[PG_GAUGE_SWAP_BYTES],
                               .swap_memory = g[PG_GAUGE_SWAP_MEMORY_BYTES],
                               .errors_load = c[PG_COUNTER_ERRORS_LOAD],
                               .errors_save = c[PG_COUNTER_ERRORS_SAVE],
                               .errors_frames = c[PG_COUNTER_ERRORS_FRAMES],
                               .errors_full = c[PG_COUNTER_ERRORS_FULL],
                               .wait_ns = c[PG_COUNTER_WAIT_NS]};

        memcpy(r.program, v->live.program, sizeof(r.program));
        return r;
}

/* Takes the place of what the same program of the process has said before. */
static void killed_add(struct report *r, const struct run_record *killed)
{
        struct run_records *all = &r->records;

        for (size_t i = 0; i < all->count; i++)
                if (all->at[i].pid == killed->pid &&
                    all->at[i].start_ticks == killed->start_ticks &&
                    all->at[i].started_ns >= killed->started_ns)
                        all->at[i--] = all->at[--all->count];
        if (all->count < all->places)
                all->at[all->count++] = *killed;
}

static void look_at(struct report *r, int folder, const char *name)
{
        const struct run_head *head = &r->records.head;
        struct run_record killed;
        struct live_view v;
        unsigned number;
        uint64_t ticks;
        pid_t pid;

        if (!live_name_read(name, &pid, &ticks, &number) || !killed_read(folder, name, &v) ||
            v.live.run != head->pid || v.live.run_start_ticks != head->start_ticks ||
            v.live.state != PG_LIVE_RUNNING || pid == real_getpid())
                return;
        if (live_owner_is_there(pid, ticks)) {
                r->running++;
                return;
        }
        killed = record_of(&v);
        killed_add(r, &killed);
}

static void killed_find(struct report *r, const char *path)
{
        static _Alignas(struct dirent64) char list[4096];
        static char folder[LIVE_PATH];
        ssize_t size;
        int fd;

        strcpy(folder, path);
        *strrchr(folder, '/') = '\0';
        fd = real_open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
        counters = real_mmap(NULL, FILE_MOST, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        while (fd >= 0 && counters != MAP_FAILED &&
               (size = syscall(SYS_getdents64, fd, list, sizeof(list))) > 0)
                for (ssize_t at = 0; at < size;) {
                        const struct dirent64 *entry = (const void *)(list + at);

                        at += entry->d_reclen;
                        look_at(r, fd, entry->d_name);
                }
        if (fd >= 0)
                real_close(fd);
        if (counters != MAP_FAILED)
                real_munmap(counters, FILE_MOST);
}

/* ---- order ---------------------------------------------------------------------------------- */

/* By when the process began, then by process, then by when its program did. Of two of the same
 * program the later one in the file counts, which has waited longer: it stands behind. */
static int order(const struct run_record *a, const struct run_record *b)
{
        if (a->start_ticks != b->start_ticks)
                return a->start_ticks < b->start_ticks ? -1 : 1;
        if (a->pid != b->pid)
                return a->pid < b->pid ? -1 : 1;
        if (a->started_ns != b->started_ns)
                return a->started_ns < b->started_ns ? -1 : 1;
        return (a->wall_ns > b->wall_ns) - (a->wall_ns < b->wall_ns);
}

static void swap_records(struct run_record *a, struct run_record *b)
{
        struct run_record c = *a;

        *a = *b;
        *b = c;
}

static void sift_down(struct run_record *at, size_t root, size_t count)
{
        for (size_t child; (child = 2 * root + 1) < count; root = child) {
                if (child + 1 < count && order(&at[child], &at[child + 1]) < 0)
                        child++;
                if (order(&at[root], &at[child]) >= 0)
                        return;
                swap_records(&at[root], &at[child]);
        }
}

/* A heap: qsort(3) allocates. */
static void sort_records(struct run_record *at, size_t count)
{
        for (size_t i = count / 2; i-- > 0;)
                sift_down(at, i, count);
        for (size_t n = count; n-- > 1;) {
                swap_records(&at[0], &at[n]);
                sift_down(at, 0, n);
        }
}

static bool is_same_process(const struct run_record *a, const struct run_record *b)
{
        return a->pid == b->pid && a->start_ticks == b->start_ticks;
}

static void drop_earlier(struct run_records *all)
{
        size_t kept = 0;

        for (size_t i = 0; i < all->count; i++) {
                if (i + 1 < all->count && is_same_process(&all->at[i], &all->at[i + 1]) &&
                    all->at[i].started_ns == all->at[i + 1].started_ns)
                        continue;
                all->at[kept++] = all->at[i];
        }
        all->count = kept;
}

/* ---- sums ----------------------------------------------------------------------------------- */

static uint64_t greater(uint64_t a, uint64_t b)
{
        return a > b ? a : b;
}

static void sum_up(struct run_record *sum, const struct run_record *r)
{
        sum->budget = greater(sum->budget, r->budget);
        sum->page_size = greater(sum->page_size, r->page_size);
        sum->peak = greater(sum->peak, r->peak);
        sum->peak_process = greater(sum->peak_process, r->peak_process);
        sum->sufficient = greater(sum->sufficient, r->sufficient);
        sum->faults += r->faults;
        sum->rescues += r->rescues;
        sum->evictions_clean += r->evictions_clean;
        sum->evictions_dirty += r->evictions_dirty;
        sum->pages_in += r->pages_in;
        sum->pages_out += r->pages_out;
        sum->zero_pages_out += r->zero_pages_out;
        sum->swap_pages += r->swap_pages;
        sum->swap_bytes += r->swap_bytes;
        sum->swap_memory += r->swap_memory;
        sum->errors_load += r->errors_load;
        sum->errors_save += r->errors_save;
        sum->errors_frames += r->errors_frames;
        sum->errors_full += r->errors_full;
        sum->wait_ns += r->wait_ns;
        sum->paging_ns += r->paging_ns;
}

static uint64_t clock_ns(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void finish(struct report *r)
{
        const struct run_records *all = &r->records;
        uint64_t waited = 0; /* by those of which no more is known */

        for (size_t i = 0; i < all->count; i++) {
                const struct run_record *one = &all->at[i];

                sum_up(&r->total, one);
                waited += one->paging_ns == 0 && report_evictions(one) ? one->wait_ns : 0;
                r->processes += i == 0 || !is_same_process(one, one - 1);
                if (report_evictions(one))
                        r->evicting++;
                else
                        sum_up(&r->others, one);
        }
        if (r->total.paging_ns)
                r->total.paging_ns += waited;
        r->wall_ns = clock_ns() - all->head.started_ns;
        r->total.wall_ns = r->wall_ns;
        r->total.run_ns = all->count == 1 ? all->at[0].run_ns : r->wall_ns;
}

/* ---- reports -------------------------------------------------------------------------------- */

int report_of_run(struct report *r, const char *path, const struct run_record *own)
{
        int error;

        *r = (struct report){.whole = true};
        error = run_file_take(path, &r->records, KILLED_MOST + 1);
        if (error)
                return error;
        if (own)
                r->records.at[r->records.count++] = *own;
        killed_find(r, path);
        sort_records(r->records.at, r->records.count);
        drop_earlier(&r->records);
        finish(r);
        return 0;
}

int report_of_one(struct report *r, const struct run_record *own)
{
        int error;

        *r = (struct report){0};
        error = run_records_reserve(&r->records, 1);
        if (error)
                return error;
        r->records.at[r->records.count++] = *own;
        r->records.head.pid = own->pid;
        r->records.head.start_ticks = own->start_ticks;
        r->records.head.started_ns = own->started_ns;
        r->records.head.budget = own->budget;
        strcpy(r->records.head.program, own->program);
        finish(r);
        return 0;
}

void report_release(struct report *r)
{
        run_records_release(&r->records);
}

/* A row of the table has fewer than 300 bytes, with what may be said below about errors 500; an
 * object of JSON has 1200, and what must be escaped takes up to six times its room. */
size_t report_room(const struct report *r)
{
        return 16384 + r->records.count * 4096;
}
