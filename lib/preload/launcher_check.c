/* SPDX-License-Identifier: MIT */
/*
 * launcher_check.c - `unpaged check`: what this machine allows, in a table for people.
 *
 * The verdict does not follow from the rows: a pool is opened as `run` would open it, and that
 * decides. The rows explain it, and every row that is amiss may add a command that would mend it.
 */
#include "launcher.h"
#include "json.h"
#include "kernel_page.h"
#include "machine.h"
#include "refusal.h"
#include "settings.h"

#include <errno.h>
#include <getopt.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>
#include <unpaged/version.h>

#define FIXES_MAX 24
/* The address space that start.c reserves: a quarter of that, and so on, where it must. */
#define ARENA_MOST  ((uint64_t)16 << 40)
#define ARENA_LEAST ((uint64_t)16 << 30)

struct report {
        bool amiss; /* something without which programs run unpaged */
        bool pool;  /* one could be opened */
        unsigned nfixes;
        char fixes[FIXES_MAX][256];
};

/* ---- the table ------------------------------------------------------------------------------ */

/* Where rows go instead of the table; and the section that they are in. */
static struct json *document;
static const char *section;

static void check_section(const char *name, const char *words)
{
        if (!document)
                printf("%s%s%s\n", section ? "\n" : "", name, words);
        section = name;
}

static void json_row(const char *what, const char *state, const char *words)
{
        json_object(document, NULL);
        json_text(document, "section", section);
        json_text(document, "name", what);
        if (*state)
                json_text(document, "state", state);
        else
                json_null(document, "state");
        json_text(document, "words", words);
        json_close(document);
}

__attribute__((format(printf, 3, 4))) static void check_row(const char *what, const char *state,
                                                            const char *format, ...)
{
        char words[PATH_MAX + 512];
        va_list args;

        va_start(args, format);
        vsnprintf(words, sizeof(words), format, args);
        va_end(args);
        if (document)
                json_row(what, state, words);
        else
                printf("  %-28s %-*s%s\n", what, *words ? 8 : 0, state, words);
}

__attribute__((format(printf, 2, 3))) static void fix(struct report *r, const char *format, ...)
{
        va_list args;

        if (r->nfixes == FIXES_MAX)
                return;
        va_start(args, format);
        vsnprintf(r->fixes[r->nfixes++], sizeof(r->fixes[0]), format, args);
        va_end(args);
}

static const char *yes(bool is)
{
        return is ? "yes" : "no";
}

static const char *human(uint64_t bytes, char text[32])
{
        static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
        double value = (double)bytes;
        unsigned unit = 0;

        for (; value >= 1024; unit++)
                value /= 1024;
        snprintf(text, 32, unit && value < 100 ? "%.1f %s" : "%.0f %s", value, units[unit]);
        return text;
}

/* ---- permission ----------------------------------------------------------------------------- */

/* What the kernel and this process's surroundings answered. */
struct permission {
        int device, call; /* errno; 0: may be used */
        long sysctl;      /* -1: there is none */
        bool capable;
        bool filtered; /* it is a filter that refuses the call */
};

static struct permission ask_permission(void)
{
        struct permission p = {
                .device = probe_device(),
                .call = probe_system_call(),
                .sysctl = probe_number("/proc/sys/vm/unprivileged_userfaultfd", ""),
                .capable = probe_capability(CAP_SYS_PTRACE),
        };

        p.filtered = p.call && refusal_is_by_filter(p.call);
        return p;
}

static void fix_device(struct report *r)
{
        struct passwd *user = getpwuid(getuid());

        fix(r, "as root, give the device to a group, and the user to the group:");
        fix(r, "  groupadd -r uffd; usermod -aG uffd %s    (then log in again)",
            user ? user->pw_name : "USER");
        fix(r, "  echo 'KERNEL==\"userfaultfd\", GROUP=\"uffd\", MODE=\"0660\"' "
               ">/etc/udev/rules.d/99-userfaultfd.rules");
        fix(r, "  udevadm control --reload; udevadm trigger /dev/userfaultfd");
        fix(r, "  until the next boot: chgrp uffd /dev/userfaultfd; chmod 660 /dev/userfaultfd");
}

/* Where neither root nor the user decides what a process may do, but who starts it. */
static void fix_containers(struct report *r)
{
        fix(r, "in containers and services, where the filter refuses userfaultfd(2), the device "
               "is enough:");
        fix(r, "  docker: --device /dev/userfaultfd --group-add GID    (of the device's group)");
        fix(r, "  podman: --device /dev/userfaultfd --group-add keep-groups");
        fix(r,
            "  kubernetes: a device plugin for /dev/userfaultfd; or vm.unprivileged_userfaultfd=1 "
            "on the node and");
        fix(r, "    securityContext: {seccompProfile: {type: Localhost, localhostProfile: FILE}}, "
               "FILE permitting userfaultfd");
        fix(r, "  systemd: DeviceAllow=/dev/userfaultfd rw, SupplementaryGroups=uffd, "
               "PrivateDevices=no;");
        fix(r,
            "    or vm.unprivileged_userfaultfd=1, and userfaultfd added to its SystemCallFilter=");
}

static void explain_permission(struct report *r, const struct permission *p)
{
        r->amiss = true;
        if (p->device == ENOENT && p->call == ENOSYS && !p->filtered) {
                fix(r, "use a kernel with CONFIG_USERFAULTFD=y; no setting helps");
                return;
        }
        if (p->device != ENOENT)
                fix_device(r);
        if (!p->filtered && p->sysctl == 0)
                fix(r, "%sas root, for all users: sysctl -w vm.unprivileged_userfaultfd=1",
                    p->device != ENOENT ? "or, " : "");
        fix_containers(r);
        if (probe_pool(true, (char[512]){""}, 512) == 0)
                fix(r, "or, for programs whose system calls never touch paged memory: unpaged run "
                       "--delivery signal");
}

static void show_permission(const struct permission *p)
{
        check_section("permission", ": one of the first two is enough");
        check_row("/dev/userfaultfd", yes(!p->device), "%s",
                  p->device == 0        ? "may be opened"
                  : p->device == ENOENT ? "is not there (it comes with Linux 6.1)"
                                        : strerror(p->device));
        check_row("userfaultfd(2)", yes(!p->call), "%s%s", p->call ? strerror(p->call) : "works",
                  p->filtered ? ": a filter of system calls (seccomp) refuses it" : "");
        check_row("vm.unprivileged_userfaultfd", yes(p->sysctl == 1), "%s",
                  p->sysctl == 1   ? "the kernel permits the call to all users"
                  : p->sysctl == 0 ? "the kernel permits the call to CAP_SYS_PTRACE alone"
                                   : "there is no such setting");
        check_row("CAP_SYS_PTRACE", yes(p->capable), "%s",
                  !p->capable ? "not held"
                  : p->call && !p->filtered && p->sysctl < 1
                          ? "held, but it does not count: inside "
                            "a container or user namespace"
                          : "held");
}

static void check_permission(struct report *r)
{
        struct permission p = ask_permission();
        char why[512];
        int error = probe_pool(false, why, sizeof(why));

        show_permission(&p);
        if (error == -EPERM) /* its words are the rows above and the commands below */
                snprintf(why, sizeof(why), "refused");
        r->pool = !error;
        check_row("a pool", yes(!error), "%s", error ? why : "was opened, as `unpaged run` would");
        if (error == -EPERM || error == -ENOSYS)
                explain_permission(r, &p);
        else if (error)
                r->amiss = true;
        error = probe_pool(true, why, sizeof(why));
        if (error == -EPERM)
                snprintf(why, sizeof(why), "refused");
        check_row("a pool, signal delivery", yes(!error), "%s",
                  error ? why : "needs no permission");
}

/* ---- kernel features ------------------------------------------------------------------------ */

static void check_features(struct report *r)
{
        static const struct {
                uint64_t bit;
                const char *name, *since, *without;
                bool needed;
        } features[] = {
                {PROBE_WRITE_PROTECT, "write protection", "5.7", "paging is impossible", true},
                {PROBE_THREAD_ID, "thread id", "4.14", "no statistics by thread", false},
                {PROBE_POISON, "poison", "6.6", "pages that are lost cost a mapping each", false},
                {PROBE_MOVE, "move", "6.8", "slower; memory under direct I/O must not be evicted",
                 false},
        };
        uint64_t has = probe_features();
        const char *mask = secure_getenv("UNPAGED_MASK_FEATURES");
        int ring = probe_io_uring();
        bool missing = false;

        check_section("kernel", "");
        check_row("pages of 4 KiB", yes(kernel_page_fits()), "%s",
                  kernel_page_fits() ? "as paging needs" : "no pool without them");
        if (!kernel_page_fits()) {
                r->amiss = true;
                fix(r, "use a kernel whose pages are 4 KiB; no setting helps");
        }
        for (size_t i = 0; i < sizeof(features) / sizeof(features[0]); i++) {
                bool there = has != UINT64_MAX && has & features[i].bit;

                if (there)
                        check_row(features[i].name, "yes", "%s", "");
                else
                        check_row(features[i].name, "no", "since Linux %s; without it: %s",
                                  features[i].since, features[i].without);
                missing = missing || !there;
                r->amiss = r->amiss || (!there && features[i].needed);
        }
        if (missing && has != UINT64_MAX)
                fix(r, "a newer kernel has what is missing: Linux 6.8 has all");
        check_row("io_uring", yes(!ring), "%s",
                  ring ? "a swap file is read and written one page at a time" : "");
        if (ring == EPERM)
                fix(r, "for a faster swap file, as root: sysctl -w kernel.io_uring_disabled=0");
        if (mask && *mask)
                check_row("UNPAGED_MASK_FEATURES", "set", "hides: %s", mask);
}

/* ---- memory --------------------------------------------------------------------------------- */

static void check_addresses(struct report *r)
{
        uint64_t mapped = 0;
        long overcommit = probe_number("/proc/sys/vm/overcommit_memory", "");
        struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY}, data = limit;
        char text[32];

        getrlimit(RLIMIT_AS, &limit);
        for (uint64_t size = ARENA_MOST; !mapped && size >= ARENA_LEAST; size /= 4)
                if (limit.rlim_cur == RLIM_INFINITY || size <= limit.rlim_cur / 4)
                        mapped = probe_mapping(size) ? size : 0;
        check_row("address space to page", yes(mapped), "%s",
                  mapped    ? human(mapped, text)
                  : r->pool ? "16 GiB are needed, and cannot be had"
                            : "cannot be tried without a pool");
        check_row("vm.overcommit_memory", overcommit == 2 ? "strict" : "ok",
                  overcommit == 2 ? "what is mapped counts, used or not" : "%ld", overcommit);
        if (overcommit == 2)
                fix(r, "as root: sysctl -w vm.overcommit_memory=0");
        getrlimit(RLIMIT_DATA, &data);
        if (data.rlim_cur != RLIM_INFINITY) {
                check_row("data limit", "set", "%s (RLIMIT_DATA): what is only reserved counts",
                          human(data.rlim_cur, text));
                fix(r, "in the shell, before: ulimit -d unlimited");
        }
        if (limit.rlim_cur != RLIM_INFINITY) {
                check_row("address space limit", "set",
                          "%s (RLIMIT_AS), of which a quarter is used",
                          human(limit.rlim_cur, text));
                fix(r, "in the shell, before: ulimit -v unlimited");
        }
        check_row("vm.max_map_count", "", "%ld", probe_number("/proc/sys/vm/max_map_count", ""));
        r->amiss = r->amiss || !mapped;
}

static void check_memory(struct report *r)
{
        uint64_t limit = machine_cgroup_limit("/proc/self");
        char text[32];

        check_section("memory", "");
        check_row("machine", "", "%s", human(machine_memory(), text));
        check_row("limit of the cgroup", "", "%s",
                  limit == MACHINE_NO_LIMIT ? "none" : human(limit, text));
        check_row("budget, if none is given", "", "%s (%s)", human(settings_budget_default(), text),
                  BUDGET_DEFAULT);
        check_addresses(r);
}

static void check_library(struct report *r)
{
        char path[PATH_MAX], why[PATH_MAX + 512];
        bool found = preload_find(path, why, sizeof(why));

        check_section("installation", "");
        check_row("preloaded library", yes(found), "%s", found ? path : why);
        if (!found)
                fix(r, "install it: make install, or set UNPAGED_PRELOAD_PATH to the file");
        r->amiss = r->amiss || !found;
}

/* ---- the command ---------------------------------------------------------------------------- */

static int check_help(void)
{
        printf("usage: unpaged check [--json]\n"
               "\n"
               "Says what this machine allows and what is missing, with the commands that "
               "would help.\n"
               "Ends with 0 if `unpaged run` will page programs, and with 1 if not.\n"
               "\n"
               "  -j, --json    as JSON\n"
               "  -h, --help    this text\n");
        return output_status(0, STATUS_USAGE);
}

static int check_read_options(int argc, char **argv, bool *json)
{
        static const struct option longs[] = {
                {"json", no_argument, NULL, 'j'}, {"help", no_argument, NULL, 'h'}, {0}};
        int what;

        opterr = 0;
        while ((what = getopt_long(argc, argv, "+jh", longs, NULL)) != -1) {
                if (what == 'h')
                        return check_help();
                if (what != 'j')
                        return say(STATUS_USAGE,
                                   "check: %s: unknown option: see `unpaged check --help`",
                                   argv[optind - 1]);
                *json = true;
        }
        if (argv[optind])
                return say(STATUS_USAGE,
                           "check: %s: it takes no arguments: see `unpaged check --help`",
                           argv[optind]);
        return -1;
}

static void check_all(struct report *r)
{
        check_permission(r);
        check_features(r);
        check_memory(r);
        check_library(r);
}

static void check_print(struct report *r, const struct utsname *name)
{
        printf("unpaged %s on Linux %s, %s\n\n", pg_version(), name->release, name->machine);
        check_all(r);
        if (r->nfixes > 0)
                printf("\nwhat would help\n");
        for (unsigned i = 0; i < r->nfixes; i++)
                printf("  %s\n", r->fixes[i]);
        printf("\n%s\n", r->amiss ? "`unpaged run` will not page programs here."
                                  : "`unpaged run` will page programs here.");
}

static void check_print_json(struct report *r, const struct utsname *name)
{
        struct json j = {.put = json_into_stream, .arg = stdout};
        uint64_t limit = machine_cgroup_limit("/proc/self");

        document = &j;
        json_document(&j, "unpaged.check", 1);
        json_text(&j, "unpaged", pg_version());
        json_text(&j, "linux", name->release);
        json_text(&j, "machine", name->machine);
        json_number(&j, "memory_bytes", machine_memory());
        if (limit == MACHINE_NO_LIMIT)
                json_null(&j, "cgroup_limit_bytes");
        else
                json_number(&j, "cgroup_limit_bytes", limit);
        json_number(&j, "default_budget_bytes", settings_budget_default());
        json_array(&j, "rows");
        check_all(r);
        json_close(&j);
        json_array(&j, "fixes");
        for (unsigned i = 0; i < r->nfixes; i++)
                json_text(&j, NULL, r->fixes[i]);
        json_close(&j);
        json_bool(&j, "pages", !r->amiss);
        json_close(&j);
}

int check_main(int argc, char **argv)
{
        struct report r = {0};
        struct utsname name = {0};
        bool json = false;
        int status = check_read_options(argc, argv, &json);

        if (status >= 0)
                return status;
        uname(&name);
        if (json)
                check_print_json(&r, &name);
        else
                check_print(&r, &name);
        return output_status(r.amiss, STATUS_USAGE);
}
