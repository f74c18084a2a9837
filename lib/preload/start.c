/* SPDX-License-Identifier: MIT */
/*
 * start.c - decides whether this process is paged, and opens its pool.
 *
 * All of it happens in a constructor, which is the first of the process to run (-z initfirst): even
 * the C library's has not, so what that initialises (environ, the program's name) is not there, or
 * is set here. Until the pool is open every interposed call is the kernel's, and what was mapped
 * before stays unpaged: it is recognised by its address. The same is true, for ever, of a process
 * that is not paged.
 *
 * Nothing here may wake the heap, or its first megabytes would be unpaged. The pager's own
 * structures are allocated by real_calloc (see CMakeLists.txt), and what the C library allocates
 * for a thread by heap.c.
 *
 * Should another library be the first (two cannot be), an allocation of its constructor begins it.
 */
#include "environment.h"
#include "libc_image.h"
#include "preload.h"
#include "real_syscalls.h"
#include "alt_stack.h"
#include "policy_object.h"
#include "settings.h"
#include "range_table.h"
#include "swap.h"
#include "text.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <unpaged/stores.h>

#define ARENA_HEAP 64 /* a 64th of it is for brk */

#define STATUS_REQUIRED 125

struct preload preload;

static struct text why; /* what pg_open has to say */

static void name_program(const char *path)
{
        const char *slash = path ? strrchr(path, '/') : NULL;

        preload.name = slash ? slash + 1 : path ? path : "";
}

/* Nothing is set for a process with privileges of its file: its caller must not steer it. */
static const char *environment_lookup(const char *name)
{
        return secure_getenv(name);
}

static void on_message(void *arg, const char *words)
{
        (void)arg;
        why.len = 0;
        text_add(&why, words);
}

static void on_out_of_room(void *arg, const char *line)
{
        (void)arg;
        stats_reason(line);
        complain_in_fault(preload.name, ": ", line, NULL);
}

/* ---- whether ------------------------------------------------------------------------------- */

/* dlsym() would allocate where it finds nothing. */
extern void __asan_init(void) __attribute__((weak));
extern void __hwasan_init(void) __attribute__((weak));
extern void __tsan_init(void) __attribute__((weak));
extern void __msan_init(void) __attribute__((weak));
extern void __lsan_init(void) __attribute__((weak));
extern void __dfsan_init(void) __attribute__((weak));

static bool has_sanitizer(void)
{
        return __asan_init || __hwasan_init || __tsan_init || __msan_init || __lsan_init ||
               __dfsan_init;
}

/* NULL: nothing stands against it. */
static const char *objection(void)
{
        const char *list = environment_lookup("LD_PRELOAD");

        if (getauxval(AT_SECURE))
                return "it runs with privileges of its file";
        if (has_sanitizer())
                return "it is built with a sanitizer";
        if (list && strstr(list, "vgpreload"))
                return "it runs under valgrind";
        return NULL;
}

/* ---- what a name means ----------------------------------------------------------------------- */

/* Functions of ours that call whatever is next. If that is not the C library's, the next will call
 * the C library in its turn, and must not find us there. */
static bool is_chain(const char *name)
{
        static const char *const chains[] = {
                "__register_atfork", "execvpe",      "fexecve",        "initgroups",
                "posix_spawn",       "posix_spawnp", "pthread_create", "setegid",
                "seteuid",           "setgid",       "setgroups",      "setregid",
                "setresgid",         "setresuid",    "setreuid",       "setuid"};

        for (size_t i = 0; i < sizeof(chains) / sizeof(chains[0]); i++)
                if (strcmp(name, chains[i]) == 0)
                        return dlsym(RTLD_NEXT, name) != libc_function(name);
        return false;
}

static const void *instead_of(const char *name, const void *exported)
{
        const void *of_heap = heap_instead_of(name);

        return of_heap ? of_heap : is_chain(name) ? NULL : exported;
}

static bool is_ours;

/* From now on the process has our heap, and the C library's names are ours wherever they are looked
 * up. */
static void process_is_ours(void)
{
        heap_take();
        if (!is_ours && !libc_redirect(instead_of))
                log_line(preload.name, ": look-ups in the C library will not find our functions",
                         NULL);
        is_ours = true;
}

/* ---- the pool and its arena ---------------------------------------------------------------- */

static int arena_open(void)
{
        size_t most = arena_limit();
        char *arena = NULL;
        size_t size;

        for (size = ARENA_MOST; size >= ARENA_LEAST; size /= 4)
                if (size <= most && (arena = pg_map(preload.pool, size, 0)))
                        break;
        if (!arena) {
                on_message(NULL, "there is no address space for it");
                return -ENOMEM;
        }
        if (real_mprotect(arena, size, PROT_NONE) != 0)
                return -errno;
        real_madvise(arena, size, MADV_DONTDUMP);
        preload.start = (uintptr_t)arena;
        preload.end = preload.start + size;
        preload.heap_end = preload.start + size / ARENA_HEAP;
        return range_table_init(preload.start, preload.end, preload.heap_end, preload.granule);
}

/* The victim queue's share of the frames where pages come back from compressed memory. To load
 * one then costs little more than to rescue it, so it does not pay to ask about as many as the
 * library does (20 %): half as many rescues, up to 7 % more loads, and programs run 3 to 12 %
 * faster. */
#define ZRAM_QUEUE_PCT 10u

static unsigned delivery(const struct settings *s)
{
        return s->signal_delivery ? PG_DELIVERY_SIGNAL : PG_DELIVERY_THREAD;
}

/* Whether there can be a pool at all. */
static int pool_try(const struct settings *s)
{
        struct pg_config config = {.size = sizeof(config),
                                   .budget = 1 << 20,
                                   .delivery = delivery(s),
                                   .message = on_message};
        struct pg_pool *pool;
        int error;

        heap_wait();
        error = pg_open(&pool, &config);
        if (!error)
                pg_close(pool);
        heap_leave();
        return error;
}

/* The policy's code and data are mapped by the loader, which no interposer sees: they are never
 * paged. Nor is what the loader allocates for it, and since the loader keeps that, the heap it
 * comes from cannot be left again: the process must be one that can be paged. */
static int policy_load(const struct settings *s, const struct pg_policy_ops **ops)
{
        const char *path = s->policy_path;
        char words[PATH_MAX];
        unsigned arena;
        int error = path ? pool_try(s) : 0;

        if (error || !path)
                return error;
        process_is_ours();
        arena = heap_set_aside();
        *ops = policy_object_load(path, true, words, sizeof(words));
        heap_go_on(arena);
        if (*ops)
                return 0;
        text_add(&why, "UNPAGED_POLICY=");
        text_add(&why, path);
        text_add(&why, ": ");
        text_add(&why, words);
        return -EINVAL;
}

/* Where it is the trace that cannot be had, the program is paged without. */
static int open_even_untraced(struct pg_config *config)
{
        int error = pg_open(&preload.pool, config);

        if (!error || !config->trace)
                return error;
        config->trace = NULL;
        if (pg_open(&preload.pool, config) != 0)
                return error;
        trace_give_up(error);
        return 0;
}

static int pool_open(const struct settings *s)
{
        struct pg_config config = {.size = sizeof(config),
                                   .budget = s->budget,
                                   .flags = PG_POOL_INHERIT | PG_POOL_SPARES_FDS,
                                   .page_size = s->page_size,
                                   .policy = s->policy,
                                   .queue_pct = s->swap == SWAP_ZRAM ? ZRAM_QUEUE_PCT : 0,
                                   .trace = trace_open(s->trace_path, s->old_trace),
                                   .curve_pages = curve_open(s->curve_path, s->old_curve),
                                   .message = on_message,
                                   .out_of_room = on_out_of_room,
                                   .sample_every = sample_open(s)};
        int error;

        if (config.budget == 0)
                config.budget = settings_budget_default();
        config.budget -= config.budget % s->page_size;
        config.delivery = delivery(s);
        preload.granule = s->page_size;
        preload.budget = config.budget;
        preload.signal_delivery = s->signal_delivery;
        preload.swap_is_far = s->swap == SWAP_FILE || s->spill_path;
        error = policy_load(s, &config.policy_ops);
        if (!error)
                error = swap_open(s, &config.swap, &why);
        heap_wait();
        if (!error)
                error = open_even_untraced(&config);
        trace_settle();
        if (error) {
                pg_store_close(config.swap);
                return error;
        }
        error = arena_open();
        if (!error)
                error = alt_stack_init();
        if (error)
                pg_close(preload.pool);
        return error;
}

/* ---- the constructor ----------------------------------------------------------------------- */

static void stay_unpaged(const char *reason, bool fatal)
{
        struct text t = {0};

        if (!fatal) {
                complain(preload.name, ": runs unpaged: ", reason, NULL);
                return;
        }
        log_line(preload.name, ": runs unpaged: ", reason, NULL);
        text_add(&t, "unpaged: ");
        text_word(&t, preload.name);
        text_add(&t, " cannot be paged: ");
        text_add(&t, reason);
        text_add(&t, "\n");
        real_write(STDERR_FILENO, t.at, t.len);
        real_exit(STATUS_REQUIRED);
}

static void start_pool(const struct settings *s)
{
        struct text t = {0};
        int error = pool_open(s);

        if (!error)
                progress_watch(); /* while the heap waits: it makes a thread */
        if (error && !is_ours)
                heap_leave();
        else
                process_is_ours();
        if (error) {
                const char *limit = error == -ENOMEM ? limit_words() : NULL;

                stay_unpaged(limit              ? limit
                             : why.len          ? why.at
                             : *pg_last_error() ? pg_last_error()
                                                : strerror(-error),
                             s->require);
                return;
        }
        complaint_share();
        text_number(&t, preload.budget);
        log_line(preload.name, " is paged, with a budget of ", t.at, " bytes", NULL);
        atomic_store_explicit(&preload.active, true, memory_order_release);
}

/* What is told when the process ends. The first of a run tells for all, paged or not. */
static void end_prepare(const struct settings *s)
{
        if (!is_active() && !stats_is_first())
                return;
        stats_open(s);
        if (s->stats_path || s->stats_json_path || s->trace_path || s->curve_path || s->sample_path)
                end_orderly();
}

static void preload_start(int argc, char **argv, char **envp)
{
        static char wrong[512], text[8192];
        struct settings s;
        const char *reason;

        libc_bind_us();
        name_program(argc > 0 ? argv[0] : NULL);
        preload.pid = real_getpid();
        if (!__environ) /* the C library's; a program may have an environ of its own */
                __environ = envp;
        heap_init();
        fork_register();
        threads_init();
        exec_init();
        complaint_open();
        reason = settings_read(&s, environment_lookup, wrong, sizeof(wrong));
        if (!reason && s.off)
                return;
        log_open(reason ? environment_lookup("UNPAGED_LOG") : s.log_path);
        if (reason) {
                stay_unpaged(reason, false);
                return;
        }
        reason = objection();
        stats_run(&s);
        if (!settings_let(&s, preload.name))
                log_line(preload.name, ": runs unpaged: UNPAGED_ONLY or UNPAGED_SKIP says so",
                         NULL);
        else if (reason)
                stay_unpaged(reason, false);
        else
                start_pool(&s);
        end_prepare(&s);
        if (!s.children && environment_text(envp) <= sizeof(text))
                environment_without(envp, text, envp, true);
}

/* Where the kernel put the arguments, and behind them the environment. */
extern void *__libc_stack_end;

void preload_begin(void)
{
        static bool begun;
        const long *argc = __libc_stack_end;
        char **argv = (char **)(argc + 1);

        if (begun)
                return;
        begun = true;
        preload_start((int)*argc, argv, argv + *argc + 1);
}

__attribute__((constructor(101))) static void preload_construct(void)
{
        preload_begin();
}
