/* SPDX-License-Identifier: MIT */
/*
 * fault.c - what a fault costs through the library, over the least it can cost.
 *
 * Both deliveries, four kinds of fault, 4 KiB pages touched in a random order by one thread:
 *
 *      zero       a page that was never touched; the budget has room. Floor: the same by the
 *                 kernel's calls alone (uffd_floor.h). It should cost at most 1.15 times the floor.
 *      protect    the first write to a clean page. Floor: likewise, lifting the protection.
 *      rescue     a page in the victim queue. Floor: that of zero, a delivery and an install.
 *      read, write  a page that is in the compressed store, and eight times as many pages as
 *                 frames, so that another must go out for it: unmodified (read) or modified
 *                 (write). Data that LZ4 makes 1.5 and 3 times smaller. Floor: that of zero, and
 *                 LZ4 expanding (read), and also compressing (write), the same pages.
 *
 * The floor and the library take turns, block by block, in one process on one CPU. Per touch: the
 * median and the 99th percentile of all. The ratio is the median of the ratios of neighbouring
 * blocks. For read and write, of which many touches hit and evictions come in batches, a block's
 * figure is its time divided by the pages that came in. Every word that is read is checked.
 */
#include "compressible_page.h"
#include "bench_pool.h"
#include "uffd_floor.h"

#include <unpaged/stores.h>
#include <unpaged/unpaged.h>

#include <lz4.h>
#include <sys/utsname.h>

#define NPAGES       ((size_t)4096)
#define FRAMES       512u /* of the pool that evicts */
#define ROUNDS       15u
#define CODEC_ROUNDS 7u
#define LIMIT        1.15 /* what the zero fault may cost over its floor */

/* Pages and what the first word of each must be. */
struct memory {
        char *start;
        uint64_t expect[NPAGES];
};

struct series {
        uint32_t ns[ROUNDS * NPAGES];
        size_t n;
        double blocks[ROUNDS];
};

struct row {
        const char *what, *delivery;
        double limit; /* of the ratio; 0: none */
        unsigned rounds;
        struct series floor, ours;
};

static struct {
        uint32_t order[NPAGES]; /* of all touches of a block */
        uint64_t random;
        struct floor_pages floor[2]; /* by delivery */
        struct memory floor_memory[2];
        struct pg_pool *roomy[2], *tight[2];
        struct pg_store *swap[2]; /* of tight: with lz4, as the floor */
        struct memory roomy_memory[2], tight_memory[2];
        char *data; /* the pages of read and write, as they were filled */
        char *packed;
        int packed_bytes[NPAGES];
        FILE *json;
} bench;

static const char *const deliveries[] = {"thread", "signal"};

/* ---- blocks -------------------------------------------------------------------------------- */

/* Touches all pages in order, timing each. NULL: only touches them. Returns the time of all. */
static uint64_t touch_all(struct memory *m, bool write, uint32_t *ns)
{
        uint64_t began = now_ns();

        for (size_t i = 0; i < NPAGES; i++) {
                size_t page = bench.order[i];
                volatile uint64_t *word = (volatile uint64_t *)(void *)(m->start + page * PAGE);
                uint64_t before = now_ns(), seen;

                if (write)
                        *word = ++m->expect[page];
                seen = *word;
                if (ns)
                        ns[i] = (uint32_t)(now_ns() - before);
                if (seen != m->expect[page]) {
                        fprintf(stderr, "fault: page %zu holds %#lx and not %#lx\n", page,
                                (unsigned long)seen, (unsigned long)m->expect[page]);
                        exit(EXIT_FAILURE);
                }
        }
        return now_ns() - began;
}

/* A block in which every touch is a fault of the kind. */
static void block(struct series *s, struct memory *m, bool write, unsigned round)
{
        uint32_t *ns = &s->ns[s->n];
        static uint32_t sorted[NPAGES];

        touch_all(m, write, ns);
        memcpy(sorted, ns, sizeof(sorted));
        s->blocks[round] = percentile(sorted, NPAGES, 50);
        s->n += NPAGES;
}

static void expect_all(struct memory *m, uint64_t value)
{
        for (size_t i = 0; i < NPAGES; i++)
                m->expect[i] = value;
}

/* ---- the library's side of a kind: bring the pages where they must be, and time the touches
 * ---- */

static void discard(struct pg_pool *pool, struct memory *m)
{
        must(pg_advise(pool, m->start, NPAGES * PAGE, PG_ADVICE_DISCARD), "discard");
        expect_all(m, 0);
}

static void ours_zero(struct series *s, int how, unsigned round)
{
        struct memory *m = &bench.roomy_memory[how];

        discard(bench.roomy[how], m);
        block(s, m, false, round);
}

static void must_count(uint64_t counted, const char *what)
{
        if (counted != NPAGES) {
                fprintf(stderr, "fault: %lu %s and not %zu\n", (unsigned long)counted, what,
                        NPAGES);
                exit(EXIT_FAILURE);
        }
}

static void ours_protect(struct series *s, int how, unsigned round)
{
        struct pg_pool *pool = bench.roomy[how];
        struct memory *m = &bench.roomy_memory[how];
        uint64_t before;

        discard(pool, m);
        touch_all(m, true, NULL);
        must(pg_page_out(pool, m->start, NPAGES * PAGE), "pg_page_out");
        touch_all(m, false, NULL);
        before = stats_of(pool).protect_faults;
        block(s, m, true, round);
        must_count(stats_of(pool).protect_faults - before, "first writes");
}

static void ours_rescue(struct series *s, int how, unsigned round)
{
        struct pg_pool *pool = bench.roomy[how];
        struct memory *m = &bench.roomy_memory[how];
        uint64_t before;

        touch_all(m, true, NULL);
        before = stats_of(pool).rescues;
        must(pg_advise(pool, m->start, NPAGES * PAGE, PG_ADVICE_COLD), "cold");
        block(s, m, false, round);
        must_count(stats_of(pool).rescues - before, "rescues");
}

/* ---- its floor ----------------------------------------------------------------------------- */

static void floor_block(struct series *s, int how, bool protect, unsigned round)
{
        struct floor_pages *f = &bench.floor[how];
        struct memory *m = &bench.floor_memory[how];

        if (protect)
                floor_fill_protected(f);
        else
                floor_empty(f);
        expect_all(m, 0);
        floor_enter(f);
        block(s, m, protect, round);
        floor_leave(f);
}

/* ---- data ---------------------------------------------------------------------------------- */

static double make_data(bool hard)
{
        size_t packed = 0;

        for (size_t i = 0; i < NPAGES; i++) {
                noise_page(bench.data + i * PAGE, PAGE, i * 7919 + 1, hard);
                bench.packed_bytes[i] = LZ4_compress_default(
                        bench.data + i * PAGE, bench.packed + i * 2 * PAGE, PAGE, 2 * PAGE);
                packed += (size_t)bench.packed_bytes[i];
        }
        return (double)(NPAGES * PAGE) / (double)packed;
}

static void fill_tight(int how)
{
        struct memory *m = &bench.tight_memory[how];

        must(pg_advise(bench.tight[how], m->start, NPAGES * PAGE, PG_ADVICE_DISCARD), "discard");
        memcpy(m->start, bench.data, NPAGES * PAGE);
        for (size_t i = 0; i < NPAGES; i++)
                memcpy(&m->expect[i], bench.data + i * PAGE, sizeof(m->expect[i]));
}

/* All of every page, not only the word that is touched. */
static void check_tight(int how)
{
        struct memory *m = &bench.tight_memory[how];

        touch_all(m, false, NULL);
        for (size_t i = 0; i < NPAGES; i++) {
                if (memcmp(m->start + i * PAGE + 8, bench.data + i * PAGE + 8, PAGE - 8) != 0) {
                        fprintf(stderr, "fault: page %zu is not as it was written\n", i);
                        exit(EXIT_FAILURE);
                }
        }
}

static void codec_block(struct series *s, bool write, double fault_ns, unsigned round)
{
        static char state[32 << 10] __attribute__((aligned(64))), page[PAGE], packed[2 * PAGE];
        uint64_t began = now_ns();

        floor_check((size_t)LZ4_sizeofState() <= sizeof(state), "LZ4_sizeofState");
        for (size_t i = 0; i < NPAGES; i++) {
                size_t at = bench.order[i];
                uint64_t before = now_ns();

                if (write)
                        LZ4_compress_fast_extState(state, bench.data + at * PAGE, packed, PAGE,
                                                   sizeof(packed), 1);
                LZ4_decompress_safe(bench.packed + at * 2 * PAGE, page, bench.packed_bytes[at],
                                    PAGE);
                s->ns[s->n++] = (uint32_t)(now_ns() - before + (uint64_t)fault_ns);
        }
        s->blocks[round] = (double)(now_ns() - began) / NPAGES + fault_ns;
}

static void tight_block(struct series *s, int how, bool write, unsigned round)
{
        uint64_t before = stats_of(bench.tight[how]).pages_in;
        uint64_t took = touch_all(&bench.tight_memory[how], write, &s->ns[s->n]);

        s->n += NPAGES;
        s->blocks[round] = (double)took / (double)(stats_of(bench.tight[how]).pages_in - before);
}

/* ---- rows ---------------------------------------------------------------------------------- */

static struct row row; /* large; one at a time */

static void row_begin(const char *what, int how, double limit, unsigned rounds)
{
        row.what = what;
        row.delivery = deliveries[how];
        row.limit = limit;
        row.rounds = rounds;
        row.floor.n = row.ours.n = 0;
}

/* Prints the row; returns the median of its floor. */
static double row_end(void)
{
        double ratios[ROUNDS], floor, ours, ratio;
        uint32_t floor_p99 = percentile(row.floor.ns, row.floor.n, 99);
        uint32_t ours_p99 = percentile(row.ours.ns, row.ours.n, 99);

        for (unsigned i = 0; i < row.rounds; i++)
                ratios[i] = row.ours.blocks[i] / row.floor.blocks[i];
        ratio = median(ratios, row.rounds);
        floor = median(row.floor.blocks, row.rounds);
        ours = median(row.ours.blocks, row.rounds);
        printf("%-12s %-8s %9.0f %9u %9.0f %9u %7.2f  %s\n", row.what, row.delivery, floor,
               floor_p99, ours, ours_p99, ratio,
               row.limit == 0       ? ""
               : ratio <= row.limit ? "within 1.15"
                                    : "MORE THAN 1.15");
        fflush(stdout);
        if (bench.json)
                fprintf(bench.json,
                        "{\"bench\":\"fault\",\"what\":\"%s\",\"delivery\":\"%s\",\"unit\":\"ns\","
                        "\"floor\":%.0f,\"floor_p99\":%u,\"ours\":%.0f,\"ours_p99\":%u,"
                        "\"ratio\":%.3f}\n",
                        row.what, row.delivery, floor, floor_p99, ours, ours_p99, ratio);
        return floor;
}

/* Returns the floor of the delivery. */
static double measure_faults(int how)
{
        void (*const ours[])(struct series *, int, unsigned) = {ours_zero, ours_protect,
                                                                ours_rescue};
        const char *const names[] = {"zero", "protect", "rescue"};
        double floor = 0;

        for (unsigned kind = 0; kind < 3; kind++) {
                row_begin(names[kind], how, kind == 0 ? LIMIT : 0, ROUNDS);
                for (unsigned i = 0; i <= ROUNDS; i++) {
                        unsigned round = i == 0 ? 0 : i - 1; /* the first pair warms up */

                        if (i == 1)
                                row.floor.n = row.ours.n = 0;
                        shuffle(bench.order, NPAGES, &bench.random);
                        floor_block(&row.floor, how, kind == 1, round);
                        ours[kind](&row.ours, how, round);
                }
                floor = kind == 0 ? row_end() : (row_end(), floor);
        }
        return floor;
}

static void measure_evictions(int how, double fault_ns, const char *const names[2])
{
        fill_tight(how);
        for (int write = 0; write < 2; write++) {
                row_begin(names[write], how, 0, CODEC_ROUNDS);
                touch_all(&bench.tight_memory[how], write, NULL);
                for (unsigned round = 0; round < CODEC_ROUNDS; round++) {
                        shuffle(bench.order, NPAGES, &bench.random);
                        codec_block(&row.floor, write, fault_ns, round);
                        tight_block(&row.ours, how, write, round);
                }
                row_end();
        }
        check_tight(how);
}

/* ---- start --------------------------------------------------------------------------------- */

static struct pg_pool *open_with(int how, uint32_t frames, struct pg_store *swap, struct memory *m)
{
        struct pg_pool *pool = open_pool(
                (struct pg_config){.frames = frames,
                                   .swap = swap,
                                   .delivery = how == 1 ? PG_DELIVERY_SIGNAL : PG_DELIVERY_THREAD});

        m->start = map_random_pages(pool, NPAGES);
        return pool;
}

/* Everything that has threads is made first: they must not inherit the one CPU of this thread. */
static void start(void)
{
        struct pg_zram_config lz4 = {.size = sizeof(lz4), .algorithm = "lz4"};
        cpu_set_t here;

        for (int how = 0; how < 2; how++) {
                must(pg_store_zram(&bench.swap[how], &lz4), "pg_store_zram");
                /* protect needs pages that come in clean, however often they were written to */
                setenv("UNPAGED_MASK_FEATURES", "predict", 1);
                bench.roomy[how] = open_with(how, NPAGES + 64, NULL, &bench.roomy_memory[how]);
                unsetenv("UNPAGED_MASK_FEATURES");
                bench.tight[how] =
                        open_with(how, FRAMES, bench.swap[how], &bench.tight_memory[how]);
                floor_start(&bench.floor[how], how == 1, NPAGES);
                bench.floor_memory[how].start = bench.floor[how].start;
        }
        here = stay_here();
        floor_follow(&bench.floor[PG_DELIVERY_THREAD], &here);
        bench.data = malloc(NPAGES * PAGE);
        bench.packed = malloc(NPAGES * 2 * PAGE);
        floor_check(bench.data && bench.packed, "malloc");
}

static void print_machine(void)
{
        struct utsname machine;

        uname(&machine);
        printf("%s %s, %s, %ld CPUs; median and 99th percentile, ns per 4 KiB page\n",
               machine.sysname, machine.release, machine.machine, sysconf(_SC_NPROCESSORS_ONLN));
        printf("%-12s %-8s %9s %9s %9s %9s %7s\n", "fault", "delivery", "floor", "p99", "unpaged",
               "p99", "ratio");
        if (bench.json)
                fprintf(bench.json,
                        "{\"bench\":\"fault\",\"kernel\":\"%s\",\"machine\":\"%s\",\"cpus\":%ld}\n",
                        machine.release, machine.machine, sysconf(_SC_NPROCESSORS_ONLN));
}

int main(void)
{
        static const char *const names[2][2] = {{"read 3:1", "write 3:1"},
                                                {"read 1.5:1", "write 1.5:1"}};
        double floors[2];

        start();
        bench.json = fopen(output_path(__FILE__, "fault.jsonl"), "a");
        print_machine();
        for (int how = 1; how >= 0; how--)
                floors[how] = measure_faults(how);
        for (int hard = 1; hard >= 0; hard--) {
                double ratio = make_data(hard);

                printf("data that LZ4 makes %.2f times smaller, eight times as much as frames:\n",
                       ratio);
                for (int how = 1; how >= 0; how--)
                        measure_evictions(how, floors[how], names[hard]);
        }
        for (int how = 0; how < 2; how++) {
                close_pool(bench.roomy[how]);
                close_pool(bench.tight[how]);
                must(pg_store_close(bench.swap[how]), "pg_store_close");
        }
        if (bench.json)
                fclose(bench.json);
        free(bench.data);
        free(bench.packed);
        return EXIT_SUCCESS;
}
