/* SPDX-License-Identifier: MIT */
/*
 * launcher.c - the program `unpaged`: its subcommands, help and version.
 *
 * A subcommand is a row of the table and a function; each reads its own options.
 */
#include "launcher.h"

#include <stdio.h>
#include <string.h>
#include <unpaged/version.h>

static const struct command {
        const char *name;
        const char *help;
        int (*main)(int argc, char **argv);
} commands[] = {
        {"run", "run a program with its memory paged, under a budget", run_main},
        {"check", "say what this machine allows, and what is missing", check_main},
        {"stats", "say what paged processes have counted so far", stats_main},
        {"top", "show paged processes, their memory and their waiting, as they go", top_main},
        {"resize", "give a paged process another budget, while it runs", resize_main},
        {"trace", "look into traces, convert them, make them up", trace_main},
        {"sim", "say how often each policy would have missed in a trace", sim_main},
        {"curve", "say how much memory would have been enough", curve_main},
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static int launcher_help(void)
{
        printf("usage: unpaged COMMAND [option...]\n"
               "\n"
               "Runs programs with less memory than they want, without changing them.\n"
               "\n");
        for (size_t i = 0; i < COMMANDS; i++)
                printf("  %-10s %s\n", commands[i].name, commands[i].help);
        printf("\n"
               "  -h, --help      this text; unpaged COMMAND --help says more\n"
               "  -V, --version   the version\n"
               "\n"
               "The manual is unpaged(1).\n");
        return output_status(0, STATUS_FAILED);
}

static int print_version(void)
{
        printf("unpaged %s\n", pg_version());
        return output_status(0, STATUS_FAILED);
}

int main(int argc, char **argv)
{
        const char *word = argc > 1 ? argv[1] : NULL;

        if (!word)
                return say(STATUS_USAGE, "no command given: see `unpaged --help`");
        if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)
                return launcher_help();
        if (strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0)
                return print_version();
        for (size_t i = 0; i < COMMANDS; i++)
                if (strcmp(word, commands[i].name) == 0)
                        return commands[i].main(argc - 1, argv + 1);
        if (word[0] == '-')
                return say(STATUS_USAGE,
                           "%s: unknown option; options of a command come after it: see `unpaged "
                           "--help`",
                           word);
        return say(STATUS_USAGE,
                   "%s: no such command: see `unpaged --help`; to run a program: unpaged run %s",
                   word, word);
}
