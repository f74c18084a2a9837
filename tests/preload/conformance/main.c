/* SPDX-License-Identifier: MIT */
/* main.c - options, and which step comes how often. */
#include "conformance.h"

#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct state state = {.label = "0", .steps = 400, .pressure = 5 << 20};

static const struct {
        unsigned weight;
        const char *name;
        void (*step)(void);
} steps[] = {
        {8, "window", step_window},
        {12, "map", step_map},
        {1, "map-wrongly", step_map_wrongly},
        {10, "unmap", step_unmap},
        {8, "touch", step_touch},
        {12, "fill", step_fill},
        {6, "grow", step_grow},
        {4, "shrink", step_shrink},
        {9, "move", step_move},
        {4, "move-anywhere", step_move_anywhere},
        {4, "move-keep", step_move_keep},
        {1, "move-wrongly", step_move_wrongly},
        {12, "protect", step_protect},
        {14, "advise", step_advise},
        {3, "advise-free", step_advise_free},
        {1, "advise-wrongly", step_advise_wrongly},
        {6, "lock", step_lock},
        {2, "ask", step_ask},
        {4, "brk", step_brk},
        {10, "malloc", step_malloc},
        {1, "malloc-wrongly", step_malloc_wrongly},
        {2, "pressure", step_pressure},
        {4, "giant", step_giant},
        {5, "input", step_input},
        {5, "output", step_output},
        {3, "pipe", step_pipe},
        {3, "fork", step_fork},
};

#define STEPS (sizeof(steps) / sizeof(steps[0]))

static bool without[STEPS];

__attribute__((noreturn)) static void usage(int status)
{
        fprintf(status ? stderr : stdout,
                "usage: conformance [--seed N] [--steps N] [--pressure MIB] [--only STEP,...]\n"
                "       [--without STEP,...]\n"
                "Logs what a random sequence of address-space calls answers. Steps:\n");
        for (unsigned i = 0; i < STEPS; i++)
                fprintf(status ? stderr : stdout, " %s", steps[i].name);
        fprintf(status ? stderr : stdout, "\n");
        exit(status);
}

/* Those that `names` has, or has not, are left out. */
static void leave_out(char *names, bool named)
{
        bool found[STEPS] = {false};

        for (char *name = strtok(names, ","); name; name = strtok(NULL, ",")) {
                unsigned i = 0;

                while (i < STEPS && strcmp(steps[i].name, name) != 0)
                        i++;
                if (i == STEPS)
                        usage(2);
                found[i] = true;
        }
        for (unsigned i = 0; i < STEPS; i++)
                without[i] |= found[i] == named;
}

static void options_read(int argc, char **argv)
{
        static const struct option names[] = {
                {"seed", required_argument, NULL, 's'},
                {"steps", required_argument, NULL, 'n'},
                {"pressure", required_argument, NULL, 'p'},
                {"only", required_argument, NULL, 'o'},
                {"without", required_argument, NULL, 'w'},
                {"help", no_argument, NULL, 'h'},
                {NULL, 0, NULL, 0},
        };
        int option;

        while ((option = getopt_long(argc, argv, "", names, NULL)) != -1)
                switch (option) {
                case 's':
                        state.random = strtoull(optarg, NULL, 0) * 0x2545f4914f6cdd1du;
                        break;
                case 'n':
                        state.steps = (unsigned)atoi(optarg);
                        break;
                case 'p':
                        state.pressure = (size_t)atoi(optarg) << 20;
                        break;
                case 'o':
                case 'w':
                        leave_out(optarg, option == 'w');
                        break;
                default:
                        usage(option == 'h' ? 0 : 2);
                }
        if (optind < argc)
                usage(2);
}

static void files_open(void)
{
        static char content[FILE_PAGES * PAGE];
        char path[32];

        state.file = memfd_create("conformance", 0);
        state.scratch = memfd_create("conformance", 0);
        if (state.file < 0 || state.scratch < 0)
                give_up("memfd_create");
        for (unsigned i = 0; i < FILE_PAGES; i++)
                random_fill(content + i * PAGE, PAGE, 5 + i * 8);
        if (write(state.file, content, sizeof(content)) != (ssize_t)sizeof(content) ||
            pwrite(state.scratch, content, sizeof(content), 0) != (ssize_t)sizeof(content))
                give_up("write");
        snprintf(path, sizeof(path), "/proc/self/fd/%d", state.file);
        state.file_readonly = open(path, O_RDONLY);
        if (state.file_readonly < 0)
                give_up("open");
}

static void step_any(void)
{
        unsigned total = 0, drawn, i;

        for (i = 0; i < STEPS; i++)
                total += without[i] ? 0 : steps[i].weight;
        drawn = below(total);
        for (i = 0; without[i] || drawn >= steps[i].weight; i++)
                drawn -= without[i] ? 0 : steps[i].weight;
        steps[i].step();
}

void steps_run(unsigned n)
{
        for (unsigned end = state.step + n; state.step < end; state.step++)
                step_any();
}

int main(int argc, char **argv)
{
        options_read(argc, argv);
        alarm(300); /* a page that never comes must not hang whoever waits for the log */
        faults_catch();
        files_open();
        heap_start();
        while (state.step < state.steps) {
                steps_run(1);
                if (state.step % 64 == 0)
                        windows_sum();
        }
        windows_sum();
        heap_sum();
        say("ends");
        return 0;
}
