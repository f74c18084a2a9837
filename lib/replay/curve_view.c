/* SPDX-License-Identifier: MIT */
/* curve_view.c - see curve_view.h. */
#include "curve_view.h"

/* ---- memory -------------------------------------------------------------------------------- */

static double bytes_of_frame(const struct curve_view *v)
{
        return v->given && v->budget ? (double)v->given / (double)v->budget : (double)v->page_size;
}

double curve_view_bytes(const struct curve_view *v, uint64_t frames)
{
        return (double)frames * bytes_of_frame(v);
}

uint64_t curve_view_frames(const struct curve_view *v, double bytes)
{
        return (uint64_t)(bytes / bytes_of_frame(v) + 0.5);
}

const char *curve_view_budget_word(const struct curve_view *v)
{
        return v->given ? "budget" : "frames";
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

        ink_bytes(k, curve_view_bytes(v, frames));
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
        ink_bytes(k, curve_view_bytes(v, v->budget));
        ink_text(k, v->given ? " it had, it takes " : " of frames it had, it takes ");
        ink_text(k, v->other_ns ? "about " : "at most ");
        ink_number(k, curve_view_slowdown(v, v->misses(v->arg, v->budget)), 2);
        ink_text(k, " times as long.");
}
