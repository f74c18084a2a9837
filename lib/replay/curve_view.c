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

/* What paging costs with so many frames, beyond first touches. */
static double lost_with(const struct curve_view *v, uint64_t frames)
{
        uint64_t misses = v->misses(v->arg, frames);
        uint64_t again = misses > v->first ? misses - v->first : 0;
        uint64_t leaving = frames < v->enough && v->first > frames ? v->first - frames : 0;

        return (double)again * v->miss_ns + (double)leaving * v->leave_ns;
}

/* If all costs are so many times as high as they were measured. */
static double slowdown_if(const struct curve_view *v, double lost, double lost_then, double times)
{
        double kept = v->kept_ns - (times - 1) * lost_then;

        /* A tenth of a percent: beyond that it cannot be told. */
        kept = kept < v->kept_ns / 1000 ? v->kept_ns / 1000 : kept;
        return kept > 0 ? 1 + times * lost / kept : 1;
}

struct slowdown curve_view_slowdown(const struct curve_view *v, uint64_t frames)
{
        double lost = lost_with(v, frames), then = v->budget ? lost_with(v, v->budget) : 0;

        return (struct slowdown){slowdown_if(v, lost, then, 1),
                                 slowdown_if(v, lost, then, 1 - v->doubt),
                                 slowdown_if(v, lost, then, 1 + v->doubt)};
}

uint64_t curve_view_sufficient(const struct curve_view *v)
{
        uint64_t low = v->least, high = v->enough > low ? v->enough : low;

        if (v->miss_ns <= 0) /* no page came back: what that costs is not known */
                return high;
        while (low < high) {
                uint64_t middle = low + (high - low) / 2;

                if (curve_view_slowdown(v, middle).middle <= CURVE_SUFFICES)
                        high = middle;
                else
                        low = middle + 1;
        }
        return low;
}

/* "2.1 to 2.6 times as long" */
static void say_times(const struct curve_view *v, struct ink *k)
{
        struct slowdown s = curve_view_slowdown(v, v->budget);

        if (v->is_least) {
                ink_text(k, "at most ");
                ink_number(k, s.middle, 2);
        } else if (s.high > 10 * s.low) {
                ink_text(k, "more than ");
                ink_number(k, s.low, 1);
        } else {
                ink_number(k, s.low, 2);
                if (s.high - s.low >= 0.01) {
                        ink_text(k, " to ");
                        ink_number(k, s.high, 2);
                }
        }
        ink_text(k, " times as long.");
}

void curve_view_sentence(const struct curve_view *v, struct ink *k)
{
        uint64_t frames = curve_view_sufficient(v);
        bool short_of = v->budget > 0 && frames > v->budget;

        if (v->is_short) {
                ink_text(k, "how much memory it needs cannot be told: it ran for too short a time, "
                            "or had too few faults.");
                return;
        }
        ink_bytes(k, curve_view_bytes(v, frames));
        if (frames <= v->least && v->least > 1) {
                ink_text(k, " would have sufficed, and perhaps less: this run does not show what "
                            "happens below; repeat it with a smaller budget to see.");
                return;
        }
        ink_text(k, short_of ? " would have been needed" : " would have sufficed");
        ink_text(k, " to run at most 5 % slower than with all the memory it could want.");
        if (!short_of)
                return;
        ink_text(k, " With the ");
        ink_bytes(k, curve_view_bytes(v, v->budget));
        ink_text(k, v->given ? " it had, it takes " : " of frames it had, it takes ");
        say_times(v, k);
}
