/* SPDX-License-Identifier: MIT */
/*
 * machine.h - what the benchmark takes from the machine, and gives back: a memory cgroup for each
 * run that has a limit, and one swap device on zram.
 *
 * Functions that can be refused return NULL, or the reason in words.
 */
#ifndef RIVALS_MACHINE_H
#define RIVALS_MACHINE_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

extern volatile sig_atomic_t interrupted; /* the number of the signal */

/* Registers what puts everything back at exit, and lets SIGINT, SIGTERM and SIGHUP end it
 * orderly. */
void machine_begin(void);

/* Prints the machine for people, and as a line of JSON where json is not NULL. */
void machine_print(FILE *json);

/* ---- cgroup.c: 1, 2: the version that is there; 0: none */
const char *cgroup_find(void);
int cgroup_version(void);
const char *cgroup_open(size_t limit, const char **folder);
void cgroup_close(void);
void cgroup_put_back(void);
/* In the child. 0 or an errno. */
int cgroup_enter(const char *folder);

/* ---- swap.c */
const char *swap_begin(void);
void swap_put_back(void);

/* ---- machine.c: writes a short text into a file; 0 or an errno. Reads one: false if there is
 * none */
int file_put(const char *path, const char *text);
bool file_get(const char *path, char *text, size_t size);

#endif
