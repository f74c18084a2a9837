/* SPDX-License-Identifier: MIT */
/*
 * live_screen.c - `unpaged top` on a terminal, by ncurses.
 *
 * It waits for keys, for the next update and for signals in one place, ppoll(2), and signals that
 * matter are blocked elsewhere: so none is missed, and nothing is drawn by a handler. A signal that
 * ends it does so after the terminal is as it was. The size of the window is asked for after each
 * SIGWINCH; ncurses would take it from the environment (LINES, COLUMNS) where that has one.
 */
#include "live_top.h"
#include "command.h"

#ifndef UNPAGED_NCURSES

int screen_run(struct top *t)
{
        (void)t;
        return say(STATUS_FAILED,
                   "top: the display is not part of this build, which had no ncurses: use -b, or "
                   "install ncurses (Debian: libncurses-dev) and build again");
}

#else

#include <curses.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <term.h>
#include <time.h>
#include <unistd.h>

#define HEAD_LINE 3 /* with the titles; below it the rows */
#define ESCAPE    27
#define RED       1

struct screen {
        struct top *t;
        uint64_t next;     /* update: CLOCK_MONOTONIC, ns */
        uint64_t updates;  /* so many were shown */
        size_t first;      /* row that is shown */
        bool helps, asks;  /* the keys are shown; an interval is typed */
        char answer[16];   /* what was typed */
        const char *wrong; /* what was wrong with it */
        bool has_red;
        int status; /* -1: goes on */
};

static const int endings[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
static volatile sig_atomic_t ended_by, resized;

static uint64_t clock_ns(void)
{
        struct timespec ts;

        clock_gettime(CLOCK_MONOTONIC, &ts);
        return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* ---- drawing -------------------------------------------------------------------------------- */

static size_t rows_shown(void)
{
        return LINES > HEAD_LINE + 1 ? (size_t)(LINES - HEAD_LINE - 1) : 1;
}

static void put_line(int line, const char *text)
{
        mvaddnstr(line, 0, text, COLS);
}

static void draw_help(void)
{
        static const char *const keys[] = {
                "unpaged top: keys",
                "",
                "q           ends",
                "< >         sorts by the column to the left, to the right",
                "M F L W P   sorts by memory, faults, loads, waiting, process id",
                "r           reverses the order",
                "t           as trees of parents and children, or as one list",
                "a           with processes that have ended, or without them",
                "d           asks for the time between two updates",
                "space       updates now",
                "up down     scrolls, as do PgUp, PgDn, Home and End",
                "h ?         these keys",
                "",
                "WAIT%: time that threads wait for pages, in per cent; bold from 20 on.",
                "LOADS/s: faults that needed more than to map a page again (rescues).",
                "",
                "Any key goes back.",
        };

        for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
                put_line((int)i, keys[i]);
}

static void draw_status(const struct screen *s)
{
        const struct table *table = &s->t->table;
        size_t last = s->first + rows_shown();
        char line[TABLE_LINE];
        int at;

        if (s->asks) {
                snprintf(line, sizeof(line), "time between two updates (1s, 500ms): %s", s->answer);
        } else if (s->wrong) {
                snprintf(line, sizeof(line), "%s: must be %s", s->answer, s->wrong);
        } else {
                at = snprintf(line, sizeof(line), "by %s%s, every %g s; h: keys, q: quit",
                              table_column_name(s->t->order.by),
                              s->t->order.reversed ? " reversed" : "",
                              (double)s->t->every_ns / 1e9);
                last = last < table->count ? last : table->count;
                if (s->first > 0 || last < table->count)
                        snprintf(line + at, sizeof(line) - (size_t)at, "; rows %zu to %zu of %zu",
                                 s->first + 1, last, table->count);
        }
        put_line(HEAD_LINE - 1, line);
        if (s->asks)
                addch(A_REVERSE | ' ');
}

/* The title of the column that it is sorted by stands out. */
static void draw_head(const struct screen *s)
{
        char line[TABLE_LINE];
        unsigned width = (unsigned)COLS, bytes;
        unsigned at = table_head_place(width, s->t->order.by, &bytes);

        table_head(width, line);
        attrset(A_REVERSE);
        mvhline(HEAD_LINE, 0, ' ', COLS);
        put_line(HEAD_LINE, line);
        if (bytes)
                mvchgat(HEAD_LINE, (int)at, (int)bytes, A_BOLD | A_UNDERLINE, 0, NULL);
        attrset(A_NORMAL);
}

static void draw_row(const struct screen *s, int at, const struct table_row *row)
{
        bool waits = row->waiting >= TABLE_WAITS_MUCH && !row->has_ended;
        char line[TABLE_LINE];

        table_line(row, (unsigned)COLS, line);
        attrset(row->has_ended ? A_DIM
                : !waits       ? A_NORMAL
                : s->has_red   ? A_BOLD | (attr_t)COLOR_PAIR(RED)
                               : A_BOLD);
        put_line(at, line);
        attrset(A_NORMAL);
}

/* Not beyond either end. */
static void scroll_by(struct screen *s, long rows)
{
        long most = (long)s->t->table.count - (long)rows_shown();
        long first = (long)s->first + rows;

        first = first < most ? first : most;
        s->first = first > 0 ? (size_t)first : 0;
}

static void draw_table(struct screen *s)
{
        const struct table *table = &s->t->table;
        char totals[2][TABLE_LINE];
        size_t shown = rows_shown();

        scroll_by(s, 0); /* there may be fewer of them than before, or a larger window */
        table_totals(table, s->t->two[s->t->newer].refused, totals);
        put_line(0, totals[0]);
        put_line(1, totals[1]);
        draw_status(s);
        draw_head(s);
        for (size_t i = 0; i < shown && s->first + i < table->count; i++)
                draw_row(s, HEAD_LINE + 1 + (int)i, &table->rows[s->first + i]);
}

static void draw(struct screen *s)
{
        erase();
        if (s->helps)
                draw_help();
        else
                draw_table(s);
        refresh();
}

/* ---- keys ----------------------------------------------------------------------------------- */

static void order_by(struct screen *s, enum table_column column)
{
        s->t->order.by = column;
        s->t->order.reversed = false;
}

/* The letter of a column; COLUMNS_ALL: it is of none. */
static enum table_column column_of(int key)
{
        static const char letters[COLUMNS_ALL] = {[COLUMN_MEMORY] = 'M',
                                                  [COLUMN_FAULTS] = 'F',
                                                  [COLUMN_LOADS] = 'L',
                                                  [COLUMN_WAIT] = 'W',
                                                  [COLUMN_PID] = 'P'};
        unsigned i = 0;

        while (i < COLUMNS_ALL && letters[i] != key)
                i++;
        return i;
}

static void update_now(struct screen *s)
{
        s->next = 0;
}

static void take_order_key(struct screen *s, int key)
{
        enum table_column by = s->t->order.by;

        if (key == '<' && by > 0)
                order_by(s, by - 1);
        else if (key == '>' && by + 1 < COLUMNS_ALL)
                order_by(s, by + 1);
        else if (key == 'r')
                s->t->order.reversed = !s->t->order.reversed;
        else if (key == 't')
                s->t->order.is_flat = !s->t->order.is_flat;
        else if (column_of(key) != COLUMNS_ALL)
                order_by(s, column_of(key));
        else
                return;
        table_sort(&s->t->table, &s->t->order);
}

static void take_scroll_key(struct screen *s, int key)
{
        long page = (long)rows_shown(), all = (long)s->t->table.count;

        scroll_by(s, key == KEY_UP      ? -1
                     : key == KEY_DOWN  ? 1
                     : key == KEY_PPAGE ? -page
                     : key == KEY_NPAGE ? page
                     : key == KEY_HOME  ? -all
                     : key == KEY_END   ? all
                                        : 0);
}

static void take_answer_key(struct screen *s, int key)
{
        size_t len = strlen(s->answer);

        if (key == ESCAPE) {
                s->asks = false;
        } else if (key == '\n' || key == '\r' || key == KEY_ENTER) {
                s->asks = false;
                if (len && !argument_time(s->answer, &s->t->every_ns))
                        s->wrong = ARGUMENT_TIME;
                update_now(s);
        } else if ((key == KEY_BACKSPACE || key == 127 || key == 8) && len > 0) {
                s->answer[len - 1] = '\0';
        } else if (key > ' ' && key <= '~' && len + 1 < sizeof(s->answer)) {
                s->answer[len] = (char)key;
                s->answer[len + 1] = '\0';
        }
}

static void take_key(struct screen *s, int key)
{
        if (key == KEY_RESIZE) /* no key, but a window of another size */
                return;
        s->wrong = NULL;
        if (s->asks) {
                take_answer_key(s, key);
        } else if (s->helps) {
                s->helps = false;
        } else if (key == 'q') {
                s->status = 0;
        } else if (key == 'h' || key == '?') {
                s->helps = true;
        } else if (key == 'd') {
                s->asks = true;
                s->answer[0] = '\0';
        } else if (key == 'a') {
                s->t->ended = !s->t->ended;
                update_now(s);
        } else if (key == ' ') {
                update_now(s);
        } else {
                take_order_key(s, key);
                take_scroll_key(s, key);
        }
}

/* ---- waiting -------------------------------------------------------------------------------- */

static void on_ending(int signal)
{
        ended_by = signal;
}

static void on_resized(int signal)
{
        (void)signal;
        resized = 1;
}

static void catch_signal(int signal, void (*handler)(int), sigset_t *blocked)
{
        struct sigaction action = {.sa_handler = handler};

        sigaction(signal, &action, NULL);
        sigaddset(blocked, signal);
}

/* They come while it waits, and at no other time. */
static void signals_catch(sigset_t *waiting)
{
        sigset_t blocked;

        sigemptyset(&blocked);
        for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++)
                catch_signal(endings[i], on_ending, &blocked);
        catch_signal(SIGWINCH, on_resized, &blocked);
        sigprocmask(SIG_BLOCK, &blocked, waiting);
        for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++)
                sigdelset(waiting, endings[i]);
        sigdelset(waiting, SIGWINCH);
}

static void fit_window(void)
{
        struct winsize size;

        resized = 0;
        if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row && size.ws_col)
                resizeterm(size.ws_row, size.ws_col);
}

static void wait_for_something(struct screen *s, const sigset_t *waiting)
{
        struct pollfd keys = {.fd = STDIN_FILENO, .events = POLLIN};
        uint64_t now = clock_ns(), left = s->next > now ? s->next - now : 0;
        struct timespec most = {.tv_sec = (time_t)(left / 1000000000u),
                                .tv_nsec = (long)(left % 1000000000u)};

        if (ppoll(&keys, 1, &most, waiting) > 0 && keys.revents & (POLLHUP | POLLERR))
                s->status = STATUS_FAILED; /* the terminal has gone */
}

static void update(struct screen *s)
{
        int error;

        if (clock_ns() < s->next)
                return;
        if (s->updates == s->t->updates) {
                s->status = 0;
                return;
        }
        error = top_read(s->t);
        if (error)
                s->status = error;
        s->updates++;
        s->next = clock_ns() + s->t->every_ns;
}

static void run(struct screen *s, const sigset_t *waiting)
{
        int key;

        while (s->status < 0 && !ended_by) {
                update(s);
                if (s->status >= 0)
                        return;
                draw(s);
                wait_for_something(s, waiting);
                if (resized)
                        fit_window();
                while (s->status < 0 && (key = getch()) != ERR)
                        take_key(s, key);
        }
}

/* ---- the terminal --------------------------------------------------------------------------- */

/* -1: it will do; else the status, and the cause and the remedy were said. */
static int check_terminal(void)
{
        const char *name = getenv("TERM");
        int error;

        if (!isatty(STDOUT_FILENO) || !isatty(STDIN_FILENO))
                return say(STATUS_FAILED, "top: standard %s is no terminal: use -b",
                           isatty(STDOUT_FILENO) ? "input" : "output");
        if (!name || !*name)
                return say(STATUS_FAILED,
                           "top: TERM is not set, so nobody knows what this terminal can do: set "
                           "it, or use -b");
        if (setupterm(NULL, STDOUT_FILENO, &error) != OK)
                return say(STATUS_FAILED,
                           "top: ncurses does not know the terminal TERM=%s: set it to one it "
                           "knows, such as xterm or linux, or use -b",
                           name);
        if (!cursor_address)
                return say(STATUS_FAILED,
                           "top: the terminal TERM=%s cannot move its cursor: use -b", name);
        return -1;
}

static void set_up(struct screen *s)
{
        const char *no_color = getenv("NO_COLOR");

        cbreak();
        noecho();
        nonl();
        curs_set(0);
        keypad(stdscr, TRUE);
        nodelay(stdscr, TRUE);
        set_escdelay(25);
        s->has_red = !(no_color && *no_color) && has_colors() && start_color() == OK;
        if (s->has_red) {
                use_default_colors();
                init_pair(RED, COLOR_RED, -1);
        }
        fit_window();
}

int screen_run(struct top *t)
{
        struct screen s = {.t = t, .status = check_terminal(), .updates = 1};
        sigset_t waiting;
        SCREEN *terminal;

        if (s.status >= 0)
                return s.status;
        signals_catch(&waiting);
        terminal = newterm(NULL, stdout, stdin);
        if (!terminal)
                return say(STATUS_FAILED, "top: ncurses cannot use this terminal: use -b");
        set_up(&s);
        s.next = clock_ns() + t->every_ns;
        run(&s, &waiting);
        endwin();
        delscreen(terminal);
        if (ended_by) {
                signal(ended_by, SIG_DFL);
                raise(ended_by);
                sigprocmask(SIG_SETMASK, &waiting, NULL);
        }
        return s.status < 0 ? 0 : s.status;
}

#endif
