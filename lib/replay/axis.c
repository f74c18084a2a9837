/* SPDX-License-Identifier: MIT */
/* axis.c - see axis.h. */
#include "axis.h"

#include <math.h>

double axis_place(const struct axis *a, double value)
{
        double part;

        value = value < a->low ? a->low : value > a->high ? a->high : value;
        part = a->by_ratio ? log2(value / a->low) / log2(a->high / a->low)
                           : (value - a->low) / (a->high - a->low);
        return a->from + part * (a->to - a->from);
}

double axis_value(const struct axis *a, double part)
{
        return a->by_ratio ? a->low * pow(a->high / a->low, part)
                           : a->low + (a->high - a->low) * part;
}

/* 1, 2 or 5 times a power of ten. */
static double even_step(const struct axis *a, unsigned wanted)
{
        double least = (a->high - a->low) / wanted, step = pow(10, floor(log10(least)));

        step = least > 5 * step   ? 10 * step
               : least > 2 * step ? 5 * step
               : least > step     ? 2 * step
                                  : step;
        return a->whole && step < 1 ? 1 : step;
}

static unsigned tick(const struct axis *a, double value, double values[AXIS_TICKS], unsigned n)
{
        if (value >= a->low && value <= a->high && n < AXIS_TICKS)
                values[n++] = value;
        return n;
}

static unsigned even_ticks(const struct axis *a, unsigned wanted, double values[AXIS_TICKS])
{
        double step = even_step(a, wanted), first = ceil(a->low / step);
        unsigned n = 0;

        for (unsigned i = 0; (first + i) * step <= a->high && n < AXIS_TICKS; i++)
                n = tick(a, (first + i) * step, values, n);
        return n;
}

unsigned axis_ticks(const struct axis *a, double base, unsigned wanted, double values[AXIS_TICKS])
{
        double ratio = base, powers, first, value;
        unsigned n = 0;

        if (!a->by_ratio)
                return even_ticks(a, wanted, values);
        while ((powers = log2(a->high / a->low) / log2(ratio)) > 10)
                ratio *= base;
        first = floor(log2(a->low) / log2(ratio));
        for (unsigned i = 0; (value = pow(ratio, first + i)) <= a->high; i++) {
                n = tick(a, value, values, n);
                n = ratio == 10 && powers < 3 ? tick(a, 2 * value, values, n) : n;
                n = ratio == 10 && powers < 3 ? tick(a, 5 * value, values, n) : n;
        }
        return n;
}
