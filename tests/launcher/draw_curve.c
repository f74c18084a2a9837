/* SPDX-License-Identifier: MIT */
/*
 * draw_curve.c - draws a made-up what-if curve on standard output, for pictures.sh:
 *
 *   draw-curve NAME PAGE_SIZE LEAST ENOUGH BUDGET GIVEN FIRST MOST FAULT_NS OTHER_NS
 *              [DOUBT LEFT LEAVE_NS]
 *
 * as in curve_view.h; DOUBT in per cent. Misses fall from MOST, in a straight line, to FIRST with
 * ENOUGH frames.
 */
#include "curve_view.h"

#include <stdio.h>
#include <stdlib.h>

static struct curve_view v;
static uint64_t most;

static uint64_t misses(const void *arg, uint64_t frames)
{
        double part = v.enough > v.least ? (double)frames / (double)v.enough : 1;

        (void)arg;
        return part >= 1 ? v.first : v.first + (uint64_t)((1 - part) * (double)(most - v.first));
}

int main(int argc, char **argv)
{
        static char at[CURVE_PICTURE_SIZE];
        struct ink ink = {at, sizeof(at), 0, false};
        uint64_t n[12] = {0};

        if (argc != 11 && argc != 14)
                return 2;
        for (int i = 0; i < argc - 2; i++)
                n[i] = strtoull(argv[i + 2], NULL, 10);
        most = n[6];
        v = (struct curve_view){.misses = misses,
                                .name = argv[1],
                                .page_size = n[0],
                                .least = n[1],
                                .enough = n[2],
                                .budget = n[3],
                                .given = n[4],
                                .first = n[5]};
        v.miss_ns = (double)n[7];
        v.kept_ns = (double)(n[8] + n[5] * n[7]);
        v.is_least = n[8] == 0;
        v.doubt = (double)n[9] / 100;
        v.left = n[10];
        v.back = v.left / 2;
        v.leave_ns = (double)n[11];
        v.most = v.enough * 11 / 10;
        curve_view_picture(&v, &ink);
        fwrite(at, 1, ink.len, stdout);
        return ink.full ? 1 : 0;
}
