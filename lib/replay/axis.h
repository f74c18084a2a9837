/* SPDX-License-Identifier: MIT */
/*
 * axis.h - an axis of a picture: where a value is, and which values are written beside it. Divided
 * evenly, or by ratios where its ends are far apart; whoever draws it says so in its title.
 */
#ifndef AXIS_H
#define AXIS_H

#include <stdbool.h>

/* Beyond this ratio of its ends an axis is divided by ratios. */
#define AXIS_FAR_APART 12

struct axis {
        double low, high; /* values at its ends; low > 0 if by_ratio */
        double from, to;  /* where these are, in pixels */
        bool by_ratio;
        bool whole; /* only whole numbers mean something */
};

/* In pixels; the nearer end for a value beyond it. */
double axis_place(const struct axis *a, double value);

/* The value that divides the axis like `part`, from 0 to 1. */
double axis_value(const struct axis *a, double part);

/* Round values between the ends; how many. On an axis by ratios: powers of the base, or fewer where
 * that are too many; where there are few powers of ten, also 2 and 5 times these. An even axis has
 * about `wanted`. */
#define AXIS_TICKS 12
unsigned axis_ticks(const struct axis *a, double base, unsigned wanted, double values[AXIS_TICKS]);

#endif
