/* SPDX-License-Identifier: MIT */
/* curve_view.c - see curve_view.h. */
#include "curve_view.h"

#include <string.h>

/* ---- text --------------------------------------------------------------------------------- */

void ink_text(struct ink *k, const char *text)
{
        size_t n = strlen(text);

        if (n >= k->size - k->len) {
                k->full = true;
                return;
        }
        memcpy(k->at + k->len, text, n + 1);
        k->len += n;
}

void ink_number(struct ink *k, double value, unsigned places)
{
        char digits[32], *at = digits + sizeof(digits) - 1;
        uint64_t scale = 1, n;

        for (unsigned i = 0; i < places; i++)
                scale *= 10;
        if (value < 0) {
                ink_text(k, "-");
                value = -value;
        }
        n = value < 1e15 ? (uint64_t)(value * (double)scale + 0.5) : 1000000000000000u * scale;
        *at = '\0';
        for (unsigned i = 0; i < places; i++, n /= 10)
                *--at = (char)('0' + n % 10);
        if (places)
                *--at = '.';
        do
                *--at = (char)('0' + n % 10);
        while ((n /= 10) > 0);
        ink_text(k, at);
}

void ink_memory(struct ink *k, const struct curve_view *v, uint64_t frames)
{
        double mib = (double)frames * (double)v->page_size / (1 << 20);

        ink_number(k, mib, mib >= 100 ? 0 : mib >= 1 ? 1 : 3);
        ink_text(k, " MiB");
}

/* ---- judgement ---------------------------------------------------------------------------- */

static double time_with(const struct curve_view *v, uint64_t misses)
{
        return (double)v->other_ns + (double)misses * (double)v->fault_ns;
}

double curve_view_slowdown(const struct curve_view *v, uint64_t misses)
{
        double least = time_with(v, v->first);

        return least > 0 ? time_with(v, misses) / least : 1;
}

uint64_t curve_view_sufficient(const struct curve_view *v)
{
        uint64_t low = v->least, high = v->enough > low ? v->enough : low;

        while (low < high) {
                uint64_t middle = low + (high - low) / 2;

                if (curve_view_slowdown(v, v->misses(v->arg, middle)) <= CURVE_SUFFICES)
                        high = middle;
                else
                        low = middle + 1;
        }
        return low;
}

void curve_view_sentence(const struct curve_view *v, struct ink *k)
{
        uint64_t frames = curve_view_sufficient(v);
        bool short_of = v->budget > 0 && frames > v->budget;

        ink_memory(k, v, frames);
        if (frames <= v->least && v->least > 1) {
                ink_text(k, " would have sufficed, and perhaps less: this run does not show what "
                            "happens below; repeat it with a smaller budget to see.");
                return;
        }
        ink_text(k, short_of ? " would have been needed" : " would have sufficed");
        ink_text(k, ": with it, the run is at most 5 % slower than with unlimited memory.");
        if (!short_of)
                return;
        ink_text(k, " With the ");
        ink_memory(k, v, v->budget);
        ink_text(k, " it had, it takes ");
        ink_text(k, v->other_ns ? "about " : "at most ");
        ink_number(k, curve_view_slowdown(v, v->misses(v->arg, v->budget)), 2);
        ink_text(k, " times as long.");
}
