# SPDX-License-Identifier: MIT
# common.gp - after the figures of plot.jq and `wide`, `high`: the sheet, its headings and colours.
set terminal svg size wide, high enhanced background '#ffffff' font 'DejaVu Sans,Helvetica,Arial,sans-serif,11'
set encoding utf8
set datafile separator tab
set border 3 lc rgb '#888888'
set tics nomirror textcolor rgb '#333333'
set grid lc rgb '#dddddd' lw 0.8
set linetype 1 lc rgb '#e07b28' lw 2 pt 7 # the kernel
set linetype 2 lc rgb '#2f6fb3' lw 2 pt 5 # by signal
set linetype 3 lc rgb '#3a9a5b' lw 2 pt 9 # by thread
down(points) = 1 - points / (1. * high) # a distance from the upper edge
set label 1 title at screen 12. / wide, screen down(22) noenhanced font ',15'
set label 2 about at screen 12. / wide, screen down(43) noenhanced
set label 3 machine at screen 12. / wide, screen down(61) noenhanced font ',9' textcolor rgb '#666666'
unset key
do for [i = 1:3] {
        set label 3 + i series[i] at screen (20. + 235 * (i - 1)) / wide, screen down(86) offset 1, 0 \
                point lt i noenhanced
}
