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

/* Misses beyond first touches. */
static double again_with(const struct curve_view *v, uint64_t frames)
{
        uint64_t misses = v->misses(v->arg, frames);

        return misses > v->first ? (double)(misses - v->first) : 0;
}

/* Budgets from there on are near to what holds all pages. The misses that the curve foretells are
 * too few there, as a policy that hardly has a choice chooses worse. What is lost grows evenly. */
#define NEAR 0.9
/* The part of all pages with which nothing is lost: the rest were read ahead, and never wanted. */
#define ALL 0.995

static double parts_between(double value, double from, double to)
{
        return from < to ? (value - to) / (from - to) : value < to;
}

/*
 * The time that paging costs with this number of frames, first touches left out, if the misses are
 * those of the curve.
 *
 * Pages leave for two reasons. Some come back later: their number is in proportion to the misses.
 * The others stay away: there are fewer of them with each frame more, and none when every page has
 * a frame.
 */
static double lost_by_curve(const struct curve_view *v, double frames)
{
        double again = again_with(v, (uint64_t)frames), then = again_with(v, v->budget);
        double back = v->back < v->left ? (double)v->back : (double)v->left;
        double stay = ((double)v->left - back) *
                      parts_between(frames, (double)v->budget, (double)v->most);

        back *= then > 0 ? again / then : frames <= (double)v->budget;
        return again * v->miss_ns + (stay + back) * v->leave_ns;
}

static double lost_with(const struct curve_view *v, uint64_t frames)
{
        double budget = (double)v->budget, all = ALL * (double)v->most,
               near = NEAR * (double)v->most;

        if (v->leave_ns <= 0)
                return again_with(v, frames) * v->miss_ns;
        near = near > budget ? near : budget;
        all = all > near ? all : (double)v->most;
        if ((double)frames <= near)
                return lost_by_curve(v, (double)frames);
        return (double)frames < all
                       ? lost_by_curve(v, near) * parts_between((double)frames, near, all)
                       : 0;
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

uint64_t curve_view_frames_for(const struct curve_view *v, double times)
{
        uint64_t low = v->least, high = v->enough;

        /* What it costs if a page comes back is not known where none did. */
        if (v->miss_ns <= 0 && v->left > 0 && v->budget > low)
                low = v->budget;
        if (v->leave_ns > 0)
                high = v->most;
        if (high < low)
                high = low;
        while (low < high) {
                uint64_t middle = low + (high - low) / 2;

                if (curve_view_slowdown(v, middle).middle <= times)
                        high = middle;
                else
                        low = middle + 1;
        }
        return low;
}

uint64_t curve_view_sufficient(const struct curve_view *v)
{
        return curve_view_frames_for(v, CURVE_SUFFICES);
}

/* "2.1 to 2.6 times as long" */
static void say_times(const struct curve_view *v, struct ink *k)
{
        struct slowdown s = curve_view_slowdown(v, v->budget);

        if (v->is_least) {
                ink_text(k, "at most ");
                ink_number(k, s.middle, s.middle < 100 ? 2 : 0);
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

        if (v->no_verdict) {
                ink_text(k, "how much memory it needs cannot be told: ");
                ink_text(k, v->no_verdict);
                ink_text(k, ".");
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
