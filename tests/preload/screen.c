/* SPDX-License-Identifier: MIT */
/*
 * screen.c - runs a command on a terminal of its own, and looks at what stands there.
 *
 *   screen COLUMNS LINES COMMAND [ARGUMENT...] <SCRIPT
 *
 * The script has a step in each line:
 *   keys TEXT      types it; \e is escape, \n return, \c Ctrl-C
 *   expect REGEX   waits until the screen, its lines with newlines between them, matches (10 s)
 *   never REGEX    waits until it does not match (10 s): a screen may be half drawn
 *   size C L       another size, and the signal that says so
 *   signal N       sends it
 *   pause MS
 *   ends STATUS    waits for its end; a signal N counts as 128 + N. The terminal must be as it was
 *   show           prints the screen
 *
 * It is a vt220, as far as ncurses uses one. The first step that fails ends it with 1.
 */
#include <poll.h>
#include <pty.h>
#include <regex.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
#include <utmp.h>

#define COLS       200
#define ROWS       100
#define PATIENCE   10000 /* ms */
#define PARAMETERS 4

static int terminal;
static pid_t child;
static struct termios as_it_was;

/* ---- the screen ----------------------------------------------------------------------------- */

static char cells[ROWS][COLS];
static int cols, rows, x, y;

/* An escape sequence that has begun: its bytes behind the escape. */
static bool in_sequence;
static char sequence[32];
static size_t sequence_len;

static int within(int n, int least, int most)
{
        return n < least ? least : n > most ? most : n;
}

static void blank(int row, int from, int to)
{
        for (int i = from; i < to; i++)
                cells[row][i] = ' ';
}

static void clear_from(int from_x, int from_y)
{
        blank(from_y, from_x, COLS);
        for (int i = from_y + 1; i < ROWS; i++)
                blank(i, 0, COLS);
}

static void scroll_up(void)
{
        memmove(cells[0], cells[1], sizeof(cells[0]) * (size_t)(rows - 1));
        blank(rows - 1, 0, COLS);
}

static void line_feed(void)
{
        if (y + 1 < rows)
                y++;
        else
                scroll_up();
}

static void write_letter(char c)
{
        if (x >= cols) {
                x = 0;
                line_feed();
        }
        cells[y][x++] = c;
}

/* Shifts what stands right of the cursor. */
static void shift(int by)
{
        char line[COLS];

        memcpy(line, cells[y], COLS);
        blank(y, x, COLS);
        for (int i = x; i < cols; i++)
                if (i + by >= x && i + by < cols)
                        cells[y][i + by] = line[i];
}

static void shift_lines(int by)
{
        for (; by > 0; by--) {
                memmove(cells[y + 1], cells[y], sizeof(cells[0]) * (size_t)(ROWS - y - 1));
                blank(y, 0, COLS);
        }
        for (; by < 0; by++) {
                memmove(cells[y], cells[y + 1], sizeof(cells[0]) * (size_t)(ROWS - y - 1));
                blank(ROWS - 1, 0, COLS);
        }
}

static void control(char final, const int p[PARAMETERS])
{
        int n = p[0] ? p[0] : 1;

        if (final == 'H') {
                y = within(n - 1, 0, rows - 1);
                x = within((p[1] ? p[1] : 1) - 1, 0, cols - 1);
        } else if (final == 'J') {
                clear_from(p[0] ? 0 : x, p[0] ? 0 : y);
        } else if (final == 'K') {
                blank(y, p[0] == 1 ? 0 : x, p[0] == 1 ? x + 1 : COLS);
        } else if (final == 'X') {
                blank(y, x, within(x + n, 0, COLS));
        } else if (final == 'P' || final == '@') {
                shift(final == '@' ? n : -n);
        } else if (final == 'L' || final == 'M') {
                shift_lines(final == 'L' ? n : -n);
        } else if (final == 'A' || final == 'B') {
                y = within(y + (final == 'B' ? n : -n), 0, rows - 1);
        } else if (final == 'C' || final == 'D') {
                x = within(x + (final == 'C' ? n : -n), 0, cols - 1);
        } else if (!strchr("mhlr", final)) {
                fprintf(stderr, "screen: ESC [ ... %c is not known\n", final);
                exit(2);
        }
}

/* True: it is complete. */
static bool take_sequence(void)
{
        char last = sequence[sequence_len - 1];
        int p[PARAMETERS] = {0};
        size_t which = 0;

        if (sequence[0] != '[') {
                if (last == 'D')
                        line_feed();
                return sequence_len > 1 || !strchr("()# ", last);
        }
        if (sequence_len == 1 || last < '@')
                return sequence_len == sizeof(sequence);
        for (size_t i = 1; i + 1 < sequence_len && which < PARAMETERS; i++)
                if (sequence[i] == ';')
                        which++;
                else if (sequence[i] >= '0' && sequence[i] <= '9')
                        p[which] = p[which] * 10 + sequence[i] - '0';
        control(last, p);
        return true;
}

static void take_byte(char c)
{
        if (in_sequence) {
                sequence[sequence_len++] = c;
                in_sequence = !take_sequence();
        } else if (c == '\033') {
                in_sequence = true;
                sequence_len = 0;
        } else if (c == '\r') {
                x = 0;
        } else if (c == '\n') {
                line_feed();
        } else if (c == '\b') {
                x = x > 0 ? x - 1 : 0;
        } else if (c == '\t') {
                x = within((x / 8 + 1) * 8, 0, cols - 1);
        } else if (c >= ' ') {
                write_letter(c);
        }
}

/* Lines without the blanks at their ends. */
static const char *screen_text(void)
{
        static char text[ROWS * (COLS + 1) + 1];
        size_t len = 0;

        for (int i = 0; i < rows; i++) {
                int end = cols;

                while (end > 0 && cells[i][end - 1] == ' ')
                        end--;
                memcpy(text + len, cells[i], (size_t)end);
                len += (size_t)end;
                text[len++] = '\n';
        }
        text[len] = '\0';
        return text;
}

/* ---- the command ---------------------------------------------------------------------------- */

/* False: nothing came. */
static bool read_some(int ms)
{
        struct pollfd poll_fd = {.fd = terminal, .events = POLLIN};
        char bytes[4096];
        ssize_t n;

        if (poll(&poll_fd, 1, ms) <= 0)
                return false;
        n = read(terminal, bytes, sizeof(bytes));
        for (ssize_t i = 0; i < n; i++)
                take_byte(bytes[i]);
        return n > 0;
}

static long now_ms(void)
{
        struct timespec ts;

        clock_gettime(CLOCK_MONOTONIC, &ts);
        return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static bool matches(const char *pattern)
{
        regex_t regex;
        bool found;

        if (regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB) != 0) {
                fprintf(stderr, "screen: %s: no regular expression\n", pattern);
                exit(2);
        }
        found = regexec(&regex, screen_text(), 0, NULL, 0) == 0;
        regfree(&regex);
        return found;
}

static void fail(unsigned step, const char *words)
{
        fprintf(stderr, "FAILED: step %u: %s\n%s", step, words, screen_text());
        kill(child, SIGKILL);
        exit(1);
}

static bool expect(const char *pattern, bool is_there)
{
        long end = now_ms() + PATIENCE;

        while (matches(pattern) != is_there) {
                if (now_ms() >= end)
                        return false;
                if (!read_some(50))
                        usleep(1000); /* also where the command has ended */
        }
        return true;
}

static void rest(long ms)
{
        for (long end = now_ms() + ms; now_ms() < end;)
                if (!read_some((int)(end - now_ms())))
                        usleep(1000);
}

static void type(const char *text)
{
        char c;

        for (; *text; text++) {
                c = *text;
                if (c == '\\' && text[1])
                        c = *++text == 'e' ? '\033'
                            : *text == 'n' ? '\n'
                            : *text == 'c' ? '\003'
                                           : *text;
                if (write(terminal, &c, 1) != 1)
                        return;
        }
}

static void set_size(const char *text)
{
        struct winsize size;

        if (sscanf(text, "%d %d", &cols, &rows) != 2 || cols > COLS || rows > ROWS)
                exit(2);
        x = within(x, 0, cols - 1);
        y = within(y, 0, rows - 1);
        size = (struct winsize){.ws_row = (unsigned short)rows, .ws_col = (unsigned short)cols};
        ioctl(terminal, TIOCSWINSZ, &size);
}

static bool ends(int wanted)
{
        struct termios now;
        int status = 0;
        long end = now_ms() + PATIENCE;

        while (waitpid(child, &status, WNOHANG) == 0) {
                if (now_ms() >= end)
                        return false;
                read_some(20);
        }
        while (read_some(0))
                ;
        status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
        if (status != wanted)
                fprintf(stderr, "screen: the command has ended with %d\n", status);
        return status == wanted && tcgetattr(terminal, &now) == 0 &&
               now.c_lflag == as_it_was.c_lflag && now.c_iflag == as_it_was.c_iflag &&
               now.c_oflag == as_it_was.c_oflag;
}

/* False: it did not do. */
static bool take_step(const char *verb, const char *rest_of)
{
        if (strcmp(verb, "expect") == 0)
                return expect(rest_of, true);
        if (strcmp(verb, "never") == 0)
                return expect(rest_of, false);
        if (strcmp(verb, "ends") == 0)
                return ends(atoi(rest_of));
        if (strcmp(verb, "keys") == 0)
                type(rest_of);
        else if (strcmp(verb, "size") == 0)
                set_size(rest_of);
        else if (strcmp(verb, "signal") == 0)
                kill(child, atoi(rest_of));
        else if (strcmp(verb, "pause") == 0)
                rest(atol(rest_of));
        else if (strcmp(verb, "show") == 0)
                printf("%s", screen_text());
        else
                return false;
        return true;
}

int main(int argc, char **argv)
{
        char line[1024], size[64], *space;
        unsigned step = 0;
        int held;

        if (argc < 4)
                return 2;
        clear_from(0, 0);
        if (openpty(&terminal, &held, NULL, NULL, NULL) != 0)
                return 77;
        snprintf(size, sizeof(size), "%s %s", argv[1], argv[2]);
        set_size(size);
        tcgetattr(held, &as_it_was);
        child = fork();
        if (child == 0) {
                close(terminal);
                login_tty(held);
                execvp(argv[3], argv + 3);
                _exit(127);
        }
        while (fgets(line, sizeof(line), stdin)) {
                line[strcspn(line, "\n")] = '\0';
                step++;
                if (!line[0] || line[0] == '#')
                        continue;
                space = strchr(line, ' ');
                if (space)
                        *space = '\0';
                if (!take_step(line, space ? space + 1 : "")) {
                        if (space)
                                *space = ' ';
                        fail(step, line);
                }
        }
        kill(child, SIGKILL);
        return 0;
}
